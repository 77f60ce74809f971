import Postgres
import Testing

@Suite(.timeLimit(.minutes(10)))
struct PreparedStatementTests {
  private static let prepared = Statement("prepared", "SELECT count(*) AS n FROM pg_prepared_statements")
  private static let all = Statement("all", "SELECT * FROM t")

  private func expectPrepared(_ expected: Int, on connection: Connection) async throws {
    let count: Int = try await connection.execute(Self.prepared).rows[0].decode("n")
    #expect(count == expected)
  }

  @Test func `a statement is prepared only once`() async throws {
    try await withConnection { connection in
      for number in 0..<5 as Range<Int64> { try await connection.expectEcho(number) }
      try await expectPrepared(2, on: connection)
    }
  }

  @Test func `prepared statement names are unique across connections, so a pooler can't mix them up`()
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
  func `a prepared statement that stays missing counts as unavailable and is no proof of a pooler`()
    async throws
  {
    try await withConnection { connection in
      let missing = await #expect(throws: PostgresError.self) {
        try await connection.executeScript("EXECUTE never_prepared")
      }
      #expect(missing?.sqlState == .invalidStatementName && missing?.isUnavailable == true)
      let isPooled = try await connection.isPooled()
      #expect(!isPooled)
    }
  }

  @Test func `nothing is prepared if prepared statements are off`() async throws {
    try await withConnection(preparedStatements: false) { connection in
      for number in 0..<5 as Range<Int64> { try await connection.expectEcho(number) }
      try await expectPrepared(0, on: connection)
    }
  }

  @Test func `statements with one name and different SQL are prepared separately`() async throws {
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

  @Test func `a parameter of another type than before is not misread`() async throws {
    try await withConnection { connection in
      let statement = Statement("types", "SELECT $1::text AS value")
      let row = try await connection.execute(statement, [.text("12")]).rows[0]
      #expect(try row.decode("value") as String == "12")
      let other = try await connection.execute(statement, [.int8(12)]).rows[0]
      #expect(try other.decode("value") as String == "12")
    }
  }

  @Test func `a statement is prepared again after its table changed`() async throws {
    try await withConnection { connection in
      try await connection.executeScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
      #expect(try await connection.execute(Self.all).rows[0].columns == ["a"])
      try await connection.executeScript("ALTER TABLE t ADD COLUMN b text")
      #expect(try await connection.execute(Self.all).rows[0].columns == ["a", "b"])
    }
  }

  @Test func `a transaction is retried after a table of a prepared statement changed`() async throws {
    try await withPool(.init(maximumConnections: 1, waitLimit: .seconds(120))) { pool in
      try await pool.withConnection { connection in
        try await connection.executeScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        _ = try await connection.execute(Self.all)
        try await connection.executeScript("ALTER TABLE t ADD COLUMN b text")
      }
      let columns = try await pool.withTransaction { try await $0.execute(Self.all).rows[0].columns }
      #expect(columns == ["a", "b"])
    }
  }

  @Test func `a statement that the server deallocated is prepared again`() async throws {
    try await withConnection { connection in
      try await connection.expectEcho(1)
      try await connection.executeScript("DEALLOCATE ALL")
      try await connection.expectEcho(2)
    }
  }

  @Test func `generated statements don't fill the server's memory`() async throws {
    try await withConnection { connection in
      for number in 0..<300 {
        _ = try await connection.execute(Statement("made_up", "SELECT \(number)"))
      }
      try await expectPrepared(256, on: connection)
    }
  }
}
