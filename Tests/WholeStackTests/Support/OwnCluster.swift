import EmbeddedPostgres
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Logging
import Postgres
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A cluster of a test's own, as durable as one in production, that the test may kill.
enum OwnCluster {
  private static let serial = Mutex(0)

  /// Runs `body` with a fresh cluster that has a migrated database `keymeter`.
  static func with(_ body: (PostgresCluster) async throws -> Void) async throws {
    let number = serial.withLock { serial in
      serial += 1
      return serial
    }
    let cluster = PostgresCluster(
      directory: FilePath("/tmp/keymeter-own-\(getpid())-\(number)"),
      binaries: try await PostgresBinaries.find(), options: .init())
    do {
      try await cluster.start()
      try await migrate(cluster)
      try await body(cluster)
    } catch {
      try? await cluster.destroy()
      throw error
    }
    try await cluster.destroy()
  }

  /// Makes an organisation in the cluster's database.
  static func organisation(_ provider: String, on cluster: PostgresCluster) async throws -> Account {
    try await withPool(cluster, database: "keymeter") { pool in
      let organisation = try await TestOrganisation.create(
        provider, in: PostgresManagementStore(pool: pool))
      return Account(
        provider: provider, key: organisation.root.secret.revealed, keyID: organisation.root.key.id.rawValue)
    }
  }

  private static func migrate(_ cluster: PostgresCluster) async throws {
    try await withPool(cluster, database: "postgres") { pool in
      try await pool.withConnection { try await $0.executeScript("CREATE DATABASE keymeter") }
    }
    try await withPool(cluster, database: "keymeter") { pool in
      _ = try await Migrator(pool: pool).migrate()
    }
  }

  private static func withPool<Output: Sendable>(
    _ cluster: PostgresCluster, database: String, _ body: (ConnectionPool) async throws -> Output
  ) async throws -> Output {
    let pool = ConnectionPool(
      configuration: try ConnectionConfiguration(url: cluster.connectionURL(database: database)),
      options: .init(maximumConnections: 2), logger: .silent)
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
