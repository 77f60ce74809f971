import Foundation
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

@Suite("Listing all keys of a large organisation", .timeLimit(.minutes(3)))
struct AllKeysTests {
  private static let count = 60_000

  /// By HTTP/1.0, whose answers have neither chunks nor, here, a length: the end of the connection is theirs.
  @Test("lists each of them once, in one answer, and in little memory")
  func bounded() async throws {
    try await Node.with(environment: ["KEYMETER_LOG_LEVEL": "info"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await Self.fill("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try peakKilobytes(of: node.process.processID)
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send(Self.request(by: root, version: "1.0"))
      let answer = try await connection.untilClosed(within: .seconds(90))
      await connection.close()
      let after = try peakKilobytes(of: node.process.processID)
      #expect(after - before < 40 * 1_024, "from \(before) KiB to \(after) KiB")
      let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
      #expect(answer.hasPrefix("HTTP/1.0 200 ") && parts.count == 2)
      let keys = try JSONSerialization.jsonObject(with: Data(try #require(parts.last).utf8))
      let object = try #require(keys as? [String: [String: Any]])
      #expect(object.count == Self.count + 1)
      #expect(object.allSatisfy { $0.key == $0.value["id"] as? String })
    }
  }

  @Test("is broken off when the key that asks for it ends, and the answer shows that it isn't complete")
  func brokenOff() async throws {
    try await Node.with(environment: ["KEYMETER_LOG_LEVEL": "info"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let second = try await Self.secondRoot(of: "clinic", on: database)
      try await Self.fill("clinic", on: database)
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send(Self.request(by: root, version: "1.1"))
      _ = try await connection.untilAnswers(1, within: .seconds(20))
      try await connection.stopReading()
      let revoked = try await send(
        .POST, node.baseURL + "/api/v1/apikey/\(root.keyID)/revoke", headers: [("X-API-Key", second)])
      #expect(revoked.status == 200)
      try await connection.resumeReading()
      let answer = try await connection.untilClosed(within: .seconds(90))
      await connection.close()
      #expect(answer.hasPrefix("HTTP/1.1 200 "))
      #expect(!answer.hasSuffix("\r\n0\r\n\r\n"))
      #expect(try node.process.log.contains("a listing was broken off"))
    }
  }

  /// Each takes several megabytes a page.
  @Test("Many clients that ask for it and take nothing fill no memory, and the others are served")
  func slowReaders() async throws {
    // So long that it isn't their slowness that ends them.
    let environment = ["KEYMETER_LOG_LEVEL": "info", "KEYMETER_REQUEST_SECONDS": "600"]
    try await Node.with(environment: environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await Self.fill(
        "clinic", count: 1_100, on: database,
        scopes: "(SELECT array_agg(rpad(n || '.' || s || '.', 128, 'x')) FROM generate_series(1, 100) AS s)")
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try peakKilobytes(of: node.process.processID)
      var readers: [RawConnection] = []
      // One after the other, or they would wait in vain for connections of the database.
      for _ in 0..<30 {
        let reader = try await RawConnection.open(port: node.port)
        try await reader.send(Self.request(by: root, version: "1.1"))
        readers.append(reader)
        // Where the machine is slow, this one may be among those that are cut off already.
        _ = try? await reader.untilAnswers(1, within: .seconds(20))
        try? await reader.stopReading()
      }
      _ = try await eventually("slow clients to be cut off", within: .seconds(90)) {
        try node.process.log.contains("disconnecting slow clients") ? true : nil
      }
      #expect(try await node.verify(root).status == 200)
      let after = try peakKilobytes(of: node.process.processID)
      #expect(after - before < 155 * 1_024, "from \(before) KiB to \(after) KiB")
      for reader in readers { await reader.close() }
    }
  }

  private static func request(by account: Account, version: String) -> String {
    let headers = account.headers.map { "\($0.0): \($0.1)\r\n" }.joined()
    return "GET /api/v1/api-key?list_all=true HTTP/\(version)\r\nHost: x\r\n\(headers)\r\n"
  }

  private static func secondRoot(of provider: String, on database: TestDatabase) async throws -> String {
    try await database.withPool { pool in
      let service = OrganisationService(store: PostgresTenantStore(pool: pool), peppers: try .test)
      let issued = try await service.createRootKey(ProviderID(validating: provider), name: .test("Second"))
      return issued.secret.revealed
    }
  }

  /// Gives an organisation child keys that nobody has a value of.
  private static func fill(
    _ provider: String, count: Int = count, on database: TestDatabase, scopes: String = "'{*}'"
  ) async throws {
    try await database.withPool { pool in
      try await pool.withConnection {
        try await $0.executeScript(
          """
          INSERT INTO keymeter.api_keys (
            organisation_id, key_id, friendly_name, root, environment, scopes, linkage_id, key_hint)
          SELECT o.organisation_id, 'key_' || lpad(n::text, 24, '0'), 'Key ' || n, false, 'PRODUCTION', \(scopes),
            'lnk_' || n, 'sk_live_...0000'
          FROM keymeter.organisations AS o, generate_series(1, \(count)) AS n WHERE o.provider_id = '\(provider)';
          ANALYZE keymeter.api_keys
          """)
      }
    }
  }
}

/// The most that a process has kept in memory so far.
private func peakKilobytes(of process: Int32) throws -> Int {
  let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
  guard let kilobytes = status.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap({ Int($0.1) }) else {
    throw TestFailure("no VmHWM of \(process)")
  }
  return kilobytes
}
