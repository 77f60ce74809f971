import Postgres
import Testing

@Suite(.timeLimit(.minutes(1)))
struct PreparedStatementTests {
  private static let prepared = Statement("prepared", "SELECT count(*) AS n FROM pg_prepared_statements")
  private static let all = Statement("all", "SELECT * FROM t")

  private func expectPrepared(_ expected: Int, on connection: Connection) async throws {
    let count: Int = try await connection.execute(Self.prepared).rows[0].decode("n")
    #expect(count == expected)
  }

  @Test func `a statement is prepared once, however often it is executed`() async throws {
    try await withConnection { connection in
      for number in 0..<5 as Range<Int64> { try await connection.expectEcho(number) }
      try await expectPrepared(2, on: connection)
    }
  }

  @Test func `no two connections call a statement by the same name, lest a pooler run one for the other`()
    async throws
  {
    try await withConnection { one in
      try await withConnection { other in
        let names = Statement("names", "SELECT name FROM pg_prepared_statements")
        var all: [String] = []
        for connection in [one, other] {
          try await connection.expectEcho(1)
          all += try await connection.execute(names).rows.map { try $0.decode("name") }
        }
        #expect(all.count == 4 && Set(all).count == 4)
      }
    }
  }

  @Test
  func `a statement that is missing after it was prepared anew leaves the database unavailable, and no more`()
    async throws
  {
    try await withConnection { connection in
      let missing = await #expect(throws: PostgresError.self) {
        try await connection.executeScript("EXECUTE nobody_prepared_this")
      }
      #expect(missing?.sqlState == .invalidStatementName && missing?.isUnavailable == true)
      let isPooled = try await connection.isPooled()
      #expect(!isPooled)
    }
  }

  @Test func `switched off, nothing is prepared`() async throws {
    try await withConnection(preparedStatements: false) { connection in
      for number in 0..<5 as Range<Int64> { try await connection.expectEcho(number) }
      try await expectPrepared(0, on: connection)
    }
  }

  @Test func `two statements of the same name but other SQL are told apart`() async throws {
    try await withConnection { connection in
      for _ in 0..<2 {
        let one = try await connection.execute(Statement("same", "SELECT 1 AS n")).rows[0].decode(
          "n", as: Int.self)
        let two = try await connection.execute(Statement("same", "SELECT 2 AS n")).rows[0].decode(
          "n", as: Int.self)
        #expect(one == 1)
        #expect(two == 2)
      }
    }
  }

  @Test func `parameters of other types than the first time are not misread`() async throws {
    try await withConnection { connection in
      let statement = Statement("types", "SELECT $1::text AS value")
      let row = try await connection.execute(statement, [.text("12")]).rows[0]
      #expect(try row.decode("value") as String == "12")
      let other = try await connection.execute(statement, [.int8(12)]).rows[0]
      #expect(try other.decode("value") as String == "12")
    }
  }

  @Test func `a table that changes under a prepared statement is met by preparing again`() async throws {
    try await withConnection { connection in
      try await connection.executeScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
      #expect(try await connection.execute(Self.all).rows[0].columns == ["a"])
      try await connection.executeScript("ALTER TABLE t ADD COLUMN b text")
      #expect(try await connection.execute(Self.all).rows[0].columns == ["a", "b"])
    }
  }

  @Test func `inside a transaction such a change is met by running it again`() async throws {
    try await withPool(.init(maximumConnections: 1, waitLimit: .seconds(20))) { pool in
      try await pool.withConnection { connection in
        try await connection.executeScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        _ = try await connection.execute(Self.all)
        try await connection.executeScript("ALTER TABLE t ADD COLUMN b text")
      }
      let columns = try await pool.withTransaction { try await $0.execute(Self.all).rows[0].columns }
      #expect(columns == ["a", "b"])
    }
  }

  @Test func `statements the server has forgotten are prepared again`() async throws {
    try await withConnection { connection in
      try await connection.expectEcho(1)
      try await connection.executeScript("DEALLOCATE ALL")
      try await connection.expectEcho(2)
    }
  }

  @Test func `statements made up at run time don't fill the server's memory`() async throws {
    try await withConnection { connection in
      for number in 0..<300 {
        _ = try await connection.execute(Statement("made_up", "SELECT \(number)"))
      }
      try await expectPrepared(256, on: connection)
    }
  }
}
