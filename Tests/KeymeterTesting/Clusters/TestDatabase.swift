import KeymeterOps
public import KeymeterRepository
public import Logging
public import Postgres
import Synchronization

/// A test's own database on the shared cluster.
public struct TestDatabase: Sendable {
  /// The database's name.
  public let name: String
  /// A libpq URI that connects as its owner.
  public let url: String

  /// Logins that are members of one of Keymeter's roles only, as in production.
  public enum Login: String, CaseIterable, Sendable {
    /// A member of `keymeter_app`.
    case server = "test_login_server"
    /// A member of `keymeter_reporting`.
    case analyst = "test_login_analyst"
    /// A member of nothing.
    case stranger = "test_login_stranger"
    /// A member of nothing that bypasses row-level security.
    case bypassing = "test_login_bypassing"
  }

  /// A libpq URI for one of the logins.
  ///
  /// They exist once any database of the cluster was migrated.
  public func url(as login: Login) async throws -> String {
    try await TestCluster.shared.cluster().connectionURL(database: name, role: login.rawValue)
  }

  /// An empty database.
  public static func empty() async throws -> TestDatabase { try await create(template: "template0") }

  /// A database with this binary's schema, copied from a template that is migrated once per run.
  public static func migrated() async throws -> TestDatabase {
    try await create(template: await MigratedTemplate.shared.name())
  }

  /// Runs `body` with a database that has the schema, and drops it afterwards.
  public static func withMigrated<Output>(
    isolation: isolated (any Actor)? = #isolation, _ body: (TestDatabase) async throws -> Output
  ) async throws -> Output {
    let database = try await migrated()
    do {
      let output = try await body(database)
      await database.drop()
      return output
    } catch {
      await database.drop()
      throw error
    }
  }

  /// Runs `body` with a pool on this database, and closes the pool afterwards.
  public func withPool<Output>(
    maximumConnections: Int = 4, as role: DatabaseRole? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (ConnectionPool) async throws -> Output
  ) async throws -> Output {
    try await ConnectionPool.with(url: url, maximumConnections: maximumConnections, as: role, body)
  }

  /// Drops the database and disconnects its clients.
  public func drop() async {
    _ = try? await Self.administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
  }

  private static let serial = Mutex(0)

  fileprivate static func create(template: String) async throws -> TestDatabase {
    let number = serial.withLock { number in
      number += 1
      return number
    }
    let name = "test_\(number)"
    try await administer("CREATE DATABASE \(name) TEMPLATE \(template)")
    return TestDatabase(name: name, url: try await TestCluster.shared.cluster().connectionURL(database: name))
  }

  fileprivate static func administer(_ sql: String) async throws {
    let cluster = try await TestCluster.shared.cluster()
    let connection = try await Connection.connect(
      ConnectionConfiguration(
        url: cluster.connectionURL(database: "postgres"), connectTimeout: .seconds(60),
        statementTimeout: .seconds(120)),
      logger: .silent)
    do {
      try await connection.executeScript(sql)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }
}

/// The database that migrated test databases are copied from.
private actor MigratedTemplate {
  static let shared = MigratedTemplate()

  private var making: Task<String, any Error>?

  private static let logins = """
    CREATE ROLE \(TestDatabase.Login.server.rawValue) LOGIN IN ROLE keymeter_app;
    CREATE ROLE \(TestDatabase.Login.analyst.rawValue) LOGIN IN ROLE keymeter_reporting;
    CREATE ROLE \(TestDatabase.Login.stranger.rawValue) LOGIN;
    CREATE ROLE \(TestDatabase.Login.bypassing.rawValue) LOGIN BYPASSRLS;
    """

  func name() async throws -> String {
    let task =
      making
      ?? Task {
        let database = try await TestDatabase.empty()
        try await database.withPool { pool in
          _ = try await Migrator(pool: pool).migrate()
          try await pool.withConnection { try await $0.executeScript(Self.logins) }
        }
        return database.name
      }
    making = task
    return try await task.value
  }
}

extension ConnectionPool {
  /// Runs `body` with a pool on the database at `url`, and closes the pool afterwards.
  public static func with<Output>(
    url: String, maximumConnections: Int = 4, as role: DatabaseRole? = nil,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ConnectionPool) async throws -> Output
  ) async throws -> Output {
    let pool = ConnectionPool(
      // The limits only bound a hang: on a busy machine a statement may take long.
      configuration: try ConnectionConfiguration(
        url: url, connectTimeout: .seconds(60), statementTimeout: .seconds(120), role: role?.rawValue),
      options: .init(maximumConnections: maximumConnections, waitLimit: .seconds(120)), logger: .silent)
    do {
      let output = try await body(pool)
      await pool.close()
      return output
    } catch {
      await pool.close()
      throw error
    }
  }
}

extension Logger {
  /// A logger without output.
  public static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
