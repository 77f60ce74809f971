import KeymeterTesting
import Logging
import Postgres
import Testing

/// Runs a test against a new database and drops it afterwards, even if the test throws.
func withDatabase(_ body: (TestDatabase) async throws -> Void) async throws {
  let database = try await TestDatabase.empty()
  do {
    try await body(database)
  } catch {
    await database.drop()
    throw error
  }
  await database.drop()
}

/// Runs a test with one connection to a new database.
func withConnection(
  preparedStatements: Bool = true, statementTimeout: Duration = .seconds(60),
  _ body: (Connection) async throws -> Void
) async throws {
  try await withDatabase { database in
    let configuration = try ConnectionConfiguration(
      url: database.url, connectTimeout: .seconds(60), statementTimeout: statementTimeout,
      preparedStatements: preparedStatements)
    let connection = try await Connection.connect(configuration, logger: quietLogger)
    try await body(connection)
    await connection.close()
  }
}

/// Runs a test with a pool on a new database.
func withPool(
  _ options: ConnectionPool.Options = ConnectionPool.Options(
    waitLimit: .seconds(120), closeLimit: .seconds(2)),
  statementTimeout: Duration = .seconds(60), _ body: (ConnectionPool) async throws -> Void
) async throws {
  try await withDatabase { database in
    let configuration = try ConnectionConfiguration(
      url: database.url, connectTimeout: .seconds(60), statementTimeout: statementTimeout)
    let pool = ConnectionPool(configuration: configuration, options: options, logger: quietLogger)
    try await body(pool)
    await pool.close()
  }
}

let quietLogger = Logger(label: "postgres-tests", factory: { _ in SwiftLogNoOpLogHandler() })

/// The error that `body` throws, or nil.
func postgresError(_ body: () async throws -> Void) async -> PostgresError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? PostgresError
  }
}

extension Connection {
  /// The pid of the backend that serves this connection.
  func backendProcess() async throws -> Int32 {
    let result = try await execute(Statement("backend_pid", "SELECT pg_backend_pid() AS pid"))
    return try result.rows[0].decode("pid")
  }

  /// Sends a number to the server and returns its answer.
  func echo(_ number: Int64) async throws -> Int64 {
    try await execute(Statement("echo", "SELECT $1::bigint AS number"), [.int8(number)]).rows[0].decode(
      "number")
  }

  /// Expects the server to echo this number.
  func expectEcho(_ number: Int64) async throws {
    let answer = try await echo(number)
    #expect(answer == number)
  }
}
