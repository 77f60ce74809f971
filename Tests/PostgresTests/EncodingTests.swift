import Postgres
import Testing

@Suite(.timeLimit(.minutes(10)))
struct EncodingTests {
  /// Sends each parameter through the server and compares the result.
  private func expectRoundTrip<Value: PostgresDecodable & Equatable>(
    _ cast: String, _ values: [Value], _ parameter: (Value) -> Parameter
  ) async throws {
    try await withConnection { connection in
      for value in values {
        let statement = Statement("round_trip", "SELECT $1::\(cast) AS value")
        let row = try await connection.execute(statement, [parameter(value)]).rows[0]
        #expect(try row.decode("value") as Value == value)
      }
    }
  }

  @Test func `texts survive a round trip, including empty ones, NULL and all scripts`() async throws {
    let texts: [String?] = [
      "", nil, "plain", "Grüße, 世界 👩‍👩‍👧‍👦", "e\u{301}", String(repeating: "x", count: 100_000),
    ]
    try await expectRoundTrip("text", texts) { .text($0) }
  }

  @Test func `integers survive a round trip up to their extremes`() async throws {
    try await expectRoundTrip("bigint", [Int64.min, -1, 0, 1, .max, nil]) { .int8($0) }
    try await expectRoundTrip("integer", [Int32.min, -1, 0, 1, .max, nil]) { .int4($0) }
  }

  @Test func `booleans and dates survive a round trip`() async throws {
    try await expectRoundTrip("boolean", [true, false, nil]) { .bool($0) }
    let days = [0, -719_162, 20_000].map { PostgresDate(daysSinceUnixEpoch: $0) }
    try await expectRoundTrip("date", days + [nil]) { .date($0) }
  }

  @Test func `IPv4 and IPv6 addresses survive a round trip, alone and in arrays`() async throws {
    let addresses: [(inet: PostgresInet, text: String)] = [
      (PostgresInet(ipv4: 0), "0.0.0.0"), (PostgresInet(ipv4: 0xC000_0207), "192.0.2.7"),
      (PostgresInet(ipv4: .max), "255.255.255.255"), (PostgresInet(ipv6: 0), "::"),
      (PostgresInet(ipv6: 1), "::1"),
      (PostgresInet(ipv6: 0x2001_0db8 << 96 | 7), "2001:db8::7"),
      (PostgresInet(ipv6: .max), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ]
    try await withConnection { connection in
      let one = Statement("inet", "SELECT host($1::inet) AS address")
      for address in addresses {
        let row = try await connection.execute(one, [.inet(address.inet)]).rows[0]
        #expect(try row.decode("address", as: String?.self) == address.text)
      }
      #expect(
        try await connection.execute(one, [.inet(nil)]).rows[0].decode("address", as: String?.self) == nil)
      let all = Statement(
        "inets",
        "SELECT array_agg(host(a) ORDER BY n) AS addresses "
          + "FROM unnest($1::inet[]) WITH ORDINALITY AS x (a, n)")
      let row = try await connection.execute(all, [.inetArray(addresses.map(\.inet) + [nil])]).rows[0]
      #expect(try row.decode("addresses", as: [String?].self) == addresses.map(\.text) + [nil])
    }
  }

  @Test func `byte strings survive a round trip, including NUL bytes`() async throws {
    try await expectRoundTrip("bytea", [[], [0], [UInt8](0...255), nil]) { .bytea($0) }
  }

  @Test func `timestamps survive a round trip to the microsecond and keep their instant`() async throws {
    let instants = [0, -1, 1_700_000_000_123_456, 253_402_300_799_999_999]
      .map { PostgresTimestamp(microsecondsSinceUnixEpoch: $0) }
    try await expectRoundTrip("timestamptz", instants + [nil]) { .timestamptz($0) }
    try await withConnection { connection in
      let row = try await connection.execute(
        Statement("instant", "SELECT $1 = timestamptz '2023-11-14 22:13:20.123456+00' AS same"),
        [.timestamptz(instants[2])]
      ).rows[0]
      #expect(try row.decode("same") as Bool)
    }
  }

  @Test func `JSON survives a round trip`() async throws {
    try await expectRoundTrip("jsonb", ["{\"a\": [1, \"ü\"]}", "null", nil]) { .jsonb($0) }
  }

  @Test func `arrays survive a round trip, including empty ones and NULL elements`() async throws {
    try await expectRoundTrip("text[]", [[], ["", "a,b", "\"{ü}"]]) { .textArray($0) }
    try await expectRoundTrip("text[]", [["a", nil, "b"], [nil]] as [[String?]]) { .textArray($0) }
    try await expectRoundTrip("text[]", [nil, [], ["a"]]) { .textArrayOrNull($0) }
    try await expectRoundTrip("bigint[]", [[], [.min, 0, .max]]) { .int8Array($0) }
    try await expectRoundTrip("bigint[]", [[1, nil]] as [[Int64?]]) { .int8Array($0) }
    try await expectRoundTrip("integer[]", [[], [.min, 0, .max]]) { .int4Array($0) }
    try await expectRoundTrip("bytea[]", [[], [[], [0, 255]]]) { .byteaArray($0) }
    try await expectRoundTrip("bytea[]", [[nil, [1]]] as [[[UInt8]?]]) { .byteaArray($0) }
  }

  @Test func `smaller integers are widened`() async throws {
    try await withConnection { connection in
      let row = try await connection.execute(
        Statement("widths", "SELECT 1::smallint AS two, 2::integer AS four, 3::bigint AS eight")
      ).rows[0]
      #expect(try row.decode("two") as Int64 == 1)
      #expect(try row.decode("four") as Int64 == 2)
      #expect(try row.decode("eight") as Int == 3)
      #expect(try row.decode(0) as Int32 == 1)
    }
  }

  @Test func `many rows are decoded correctly, including their NULLs`() async throws {
    try await withConnection { connection in
      let result = try await connection.execute(
        Statement(
          "many",
          "SELECT n, CASE WHEN n % 3 > 0 THEN repeat('x', n) END AS text FROM generate_series(1, 500) n"))
      #expect(result.commandTag == "SELECT 500")
      for (index, row) in result.rows.enumerated() {
        #expect(try row.decode("n") as Int == index + 1)
        #expect(try (row.decode("text") as String?)?.count == ((index + 1) % 3 > 0 ? index + 1 : nil))
      }
    }
  }

  @Test(arguments: [
    Parameter.text("a\0b"), .jsonb("\"\0\""), .textArray(["fine", "\0"]), .textArray([nil, "\0"]),
    .timestamptz(PostgresTimestamp(microsecondsSinceUnixEpoch: .min)),
  ])
  func `a value that PostgreSQL can't store is rejected and the connection stays usable`(
    parameter: Parameter
  ) async throws {
    try await withConnection { connection in
      let error = await postgresError {
        _ = try await connection.execute(Statement("refused", "SELECT $1"), [parameter])
      }
      #expect(error?.kind == .invalidParameter)
      #expect(error?.statement == "refused")
      try await connection.expectEcho(1)
    }
  }
}
