import Postgres
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ErrorTests {
  @Test func `a unique violation carries its SQLSTATE and the name of the constraint`() async throws {
    try await withConnection { connection in
      try await connection.executeScript("CREATE TABLE t (a text CONSTRAINT t_a_unique UNIQUE)")
      let insert = Statement("insert_t", "INSERT INTO t (a) VALUES ($1)")
      #expect(try await connection.execute(insert, [.text("confidential")]).commandTag == "INSERT 0 1")
      let error = await postgresError { _ = try await connection.execute(insert, [.text("confidential")]) }
      #expect(error?.kind == .server)
      #expect(error?.sqlState == .uniqueViolation)
      #expect(error?.constraint == "t_a_unique")
      #expect(error?.table == "t")
      #expect(error?.statement == "insert_t")
      #expect(error?.isUnavailable == false)
    }
  }

  @Test func `the description has no row values and the debug description has them`() async throws {
    try await withConnection { connection in
      try await connection.executeScript("CREATE TABLE t (a text CONSTRAINT t_a_unique UNIQUE)")
      let insert = Statement("insert_t", "INSERT INTO t (a) VALUES ('confidential')")
      _ = try await connection.execute(insert)
      let error = try #require(await postgresError { _ = try await connection.execute(insert) })
      #expect(
        "\(error)"
          == "PostgresError(server, sqlState: 23505, constraint: t_a_unique, table: t, statement: insert_t)")
      #expect(error.debugDescription.contains("confidential"))
    }
  }

  @Test func `a statement timeout counts as unavailable, by its SQLSTATE`() async throws {
    try await withConnection(statementTimeout: .seconds(2)) { connection in
      let error = await postgresError {
        _ = try await connection.execute(Statement("sleep", "SELECT pg_sleep(30)"))
      }
      #expect(error?.kind == .server)
      #expect(error?.sqlState == .queryCanceled)
      #expect(error?.isUnavailable == true)
      try await connection.expectEcho(1)
    }
  }

  @Test(arguments: ["08006", "53300", "57P01", "57P02", "57P03", "57014", "58030", "25006", "55P03"])
  func `SQLSTATEs of an unavailable database count as unavailable`(code: String) {
    #expect(PostgresError(.server, sqlState: SQLState(rawValue: code)).isUnavailable)
  }

  @Test(arguments: ["23505", "42P01", "22003", "40001", "P0001"])
  func `SQLSTATEs of a rejected request do not count as unavailable`(code: String) {
    #expect(!PostgresError(.server, sqlState: SQLState(rawValue: code)).isUnavailable)
  }

  @Test(arguments: ["40001", "40P01"])
  func `serialisation failures and deadlocks count as serialisation failures`(code: String) {
    let error = PostgresError(.server, sqlState: SQLState(rawValue: code))
    #expect(error.isSerializationFailure)
  }

  @Test func `an unknown commit outcome is never unavailable`() {
    #expect(!PostgresError(.commitOutcomeUnknown).isUnavailable)
  }

  @Test func `connecting to a closed port fails at once and executes nothing`() async throws {
    let configuration = try ConnectionConfiguration(url: "postgresql://user@127.0.0.1:1/none")
    let error = await postgresError {
      _ = try await Connection.connect(configuration, logger: quietLogger)
    }
    #expect(error?.kind == .connectionFailed)
    #expect(error?.isUnavailable == true)
  }

  @Test func `COPY is rejected and does not hang`() async throws {
    try await withConnection { connection in
      let error = await postgresError { try await connection.executeScript("COPY (SELECT 1) TO STDOUT") }
      #expect(error?.kind == .invalidParameter)
      #expect(!connection.isUsable)
    }
  }

  @Test func `a script stops at its first error and changes nothing`() async throws {
    try await withConnection { connection in
      let error = await postgresError {
        try await connection.executeScript("CREATE TABLE t (a int); SELECT 1/0; CREATE TABLE u (a int)")
      }
      #expect(error?.sqlState?.rawValue == "22012")
      let missing = await postgresError {
        _ = try await connection.execute(Statement("t", "SELECT a FROM t"))
      }
      #expect(missing?.sqlState == .undefinedTable)
    }
  }

  @Test func `a closed connection rejects statements and can be closed again`() async throws {
    try await withConnection { connection in
      await connection.close()
      await connection.close()
      let error = await postgresError { _ = try await connection.echo(1) }
      #expect(error?.kind == .connectionLost)
      #expect(!connection.isUsable)
    }
  }
}
