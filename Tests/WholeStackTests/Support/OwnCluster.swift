import KeymeterOps
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Postgres
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private cluster that a test may kill.
///
/// It is as durable as one in production.
enum OwnCluster {
  private static let serial = Mutex(0)

  /// Runs `body` with a fresh cluster that has a migrated database `keymeter`.
  ///
  /// - Parameters:
  ///   - tcpPort: a TCP port to listen on besides the socket.
  ///   - logins: further roles that may log in over the socket, members of keymeter_app.
  static func with(
    tcpPort: Int? = nil, logins: [String] = [], _ body: (PostgresCluster) async throws -> Void
  ) async throws {
    let number = serial.withLock { serial in
      serial += 1
      return serial
    }
    let directory = FilePath("/tmp/keymeter-own-\(getpid())-\(number)")
    let cluster = PostgresCluster(
      directory: directory, binaries: try PostgresBinaries.find(),
      options: .init(tcpPort: tcpPort, roles: logins))
    do {
      try await cluster.start()
      try await migrate(cluster)
      for login in logins { try await run("CREATE ROLE \(login) LOGIN IN ROLE keymeter_app", on: cluster) }
      if tcpPort != nil { try await run("ALTER ROLE postgres PASSWORD '\(password)'", on: cluster) }
      try await body(cluster)
    } catch {
      try? await cluster.destroy()
      throw error
    }
    try await cluster.destroy()
  }

  fileprivate static let password = "superuser"

  /// Runs each statement as the superuser, outside a transaction.
  static func run(_ statements: String..., on cluster: PostgresCluster) async throws {
    try await ConnectionPool.with(url: cluster.connectionURL(database: "keymeter")) { pool in
      try await pool.withConnection { connection in
        for statement in statements { try await connection.executeScript(statement) }
      }
    }
  }

  /// Creates an organisation in the cluster's database.
  static func organisation(_ provider: String, on cluster: PostgresCluster) async throws -> Account {
    try await organisation(provider, at: cluster.connectionURL(database: "keymeter"))
  }

  /// Creates an organisation in the database at `url`.
  static func organisation(_ provider: String, at url: String) async throws -> Account {
    try await ConnectionPool.with(url: url) { pool in
      let organisation = try await TestOrganisation.create(
        provider, in: PostgresTenantStore(pool: pool))
      return Account(
        provider: provider, key: organisation.root.secret.revealed, keyID: organisation.root.key.id.rawValue)
    }
  }

  private static func migrate(_ cluster: PostgresCluster) async throws {
    try await ConnectionPool.with(url: cluster.connectionURL(database: "postgres")) { pool in
      try await pool.withConnection { try await $0.executeScript("CREATE DATABASE keymeter") }
    }
    try await ConnectionPool.with(url: cluster.connectionURL(database: "keymeter")) { pool in
      _ = try await Migrator(pool: pool).migrate()
    }
  }
}

extension PostgresCluster {
  /// A libpq URI over TCP, as the superuser.
  ///
  /// Nil if the cluster has no port.
  func tcpConnectionURL(database: String) -> String? {
    options.tcpPort.map { "postgresql://postgres:\(OwnCluster.password)@127.0.0.1:\($0)/\(database)" }
  }
}
