import KeymeterOps
import FoundationEssentials
import KeymeterTesting
import Postgres
import SystemPackage
import Testing

@testable import KeymeterRepository

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Uses a separate cluster, because roles are shared by all databases of a cluster.
@Suite("Creating the roles", .serialized, .timeLimit(.minutes(10)))
struct RoleMigrationTests {
  private static let login = "some_login"

  @Test("Databases of one cluster can migrate concurrently although they share the roles")
  func race() async throws {
    try await withCluster { cluster in
      let names = (0..<6).map { "race_\($0)" }
      for name in names { try await cluster.run("CREATE DATABASE \(name)") }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for name in names {
          group.addTask { try await Self.migrate(cluster.connectionURL(database: name)) }
        }
        try await group.waitForAll()
      }
      for name in names {
        #expect(try await Self.foreign(cluster.connectionURL(database: name)) == [])
      }
    }
  }

  @Test("A login with CREATEROLE migrates without preparation and can serve too")
  func createRole() async throws {
    try await withCluster { cluster in
      let url = try await Self.ownDatabase(on: cluster, options: "CREATEROLE")
      try await Self.migrate(url)
      #expect(try await Self.foreign(url) == [])
      try await ConnectionPool.with(url: url, as: .app) { pool in
        let standing = try await ServerRoleCheck.current(on: pool)
        #expect(standing.role == "keymeter_app" && standing.unfitness == nil)
      }
    }
  }

  @Test("A login without CREATEROLE gets the statements to run, and migrates after that")
  func withoutCreateRole() async throws {
    try await withCluster { cluster in
      let url = try await Self.ownDatabase(on: cluster, options: "")
      await Self.expectRefusal(of: url, hint: "CREATE ROLE keymeter_owner NOLOGIN;")
      for role in DatabaseRole.allCases { try await cluster.run("CREATE ROLE \(role.rawValue) NOLOGIN") }
      await Self.expectRefusal(of: url, hint: "GRANT keymeter_owner TO \(Self.login);")
      try await cluster.run("GRANT keymeter_owner TO \(Self.login)")
      try await Self.migrate(url)
      #expect(try await Self.foreign(url) == [])
      // Without membership in keymeter_app the login keeps its own role, which must not serve.
      try await ConnectionPool.with(url: url, as: .app) { pool in
        let standing = try await ServerRoleCheck.current(on: pool)
        #expect(standing.unfitness == "can alter the audit log")
      }
    }
  }

  @Test("A role with excess privileges stops the migration")
  func excessPrivileges() async throws {
    try await withCluster { cluster in
      for options in ["BYPASSRLS", "SUPERUSER", "CREATEROLE", "IN ROLE postgres", "IN ROLE keymeter_owner"] {
        for role in ["keymeter_app", "keymeter_reporting"] {
          try await cluster.run("CREATE ROLE keymeter_owner")
          try await cluster.run("CREATE ROLE \(role) \(options)")
          await Self.expectRefusal(
            of: cluster.connectionURL(database: "postgres"),
            hint: "neither SUPERUSER, BYPASSRLS nor CREATEROLE")
          try await cluster.run("DROP ROLE \(role), keymeter_owner")
        }
      }
    }
  }

  @Test("A superuser can migrate another owner's database, and that owner then needs a membership to serve")
  func takenOverBySuperuser() async throws {
    try await withCluster { cluster in
      let url = try await Self.ownDatabase(on: cluster, options: "")
      try await Self.migrate(cluster.connectionURL(database: "own"))
      #expect(try await Self.foreign(cluster.connectionURL(database: "own")) == [])
      try await ConnectionPool.with(url: url, as: .app) { pool in
        let session = RoleSession(pool: pool)
        let refused = try await session.rows("SELECT organisation_id FROM keymeter.organisations")
        #expect(refused == nil)
        let unfitness = try await ServerRoleCheck.current(on: pool).unfitness
        #expect(unfitness == "lacks the rights of keymeter_app")
      }
      try await cluster.run("GRANT keymeter_app TO \(Self.login)")
      try await ConnectionPool.with(url: url, as: .app) { pool in
        let standing = try await ServerRoleCheck.current(on: pool)
        #expect(standing.role == "keymeter_app" && standing.unfitness == nil)
      }
    }
  }

  @Test("A login that does not own the ledgers can't migrate and changes nothing")
  func foreignDatabase() async throws {
    try await withCluster { cluster in
      try await Self.migrate(
        cluster.connectionURL(database: "postgres"), SchemaFiles(migrations: [], functions: []))
      try await cluster.run("CREATE ROLE \(Self.login) LOGIN CREATEROLE")
      try await cluster.run("GRANT CREATE ON DATABASE postgres TO \(Self.login)")
      try await cluster.run(
        "GRANT USAGE ON SCHEMA keymeter_home TO \(Self.login); "
          + "GRANT SELECT ON keymeter_home.schema_migrations, keymeter_home.schema_functions TO \(Self.login)"
      )
      await #expect(throws: PostgresError.self) {
        try await Self.migrate(cluster.connectionURL(database: "postgres", role: Self.login))
      }
      try await ConnectionPool.with(url: cluster.connectionURL(database: "postgres")) { pool in
        let session = RoleSession(pool: pool)
        let made = try await session.rows(
          "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname LIKE 'keymeter%'")
        #expect(made == [])
        let pending = try await Migrator(pool: pool).state().pending
        #expect(pending == SchemaFiles.embedded.migrations.map(\.name))
      }
    }
  }

  private static func ownDatabase(on cluster: PostgresCluster, options: String) async throws -> String {
    try await cluster.run("CREATE ROLE \(login) LOGIN \(options)")
    try await cluster.run("CREATE DATABASE own OWNER \(login)")
    return cluster.connectionURL(database: "own", role: login)
  }

  private static func migrate(_ url: String, _ files: SchemaFiles = .embedded) async throws {
    try await ConnectionPool.with(url: url, maximumConnections: 1) { pool in
      _ = try await Migrator(pool: pool, files: files).migrate()
    }
  }

  private static func foreign(_ url: String) async throws -> [String]? {
    try await ConnectionPool.with(url: url) { try await RoleSession(pool: $0).rows(RoleOwnership.foreign) }
  }

  private static func expectRefusal(
    of url: String, hint: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    await #expect(sourceLocation: sourceLocation) { try await migrate(url) } throws: { error in
      guard let error = error as? PostgresError else { return false }
      return error.sqlState == .insufficientPrivilege && error.hint?.contains(hint) == true
    }
  }

  private func withCluster(_ body: (PostgresCluster) async throws -> Void) async throws {
    let directory = FilePath("/tmp/keymeter-roles-\(getpid())")
    let cluster = PostgresCluster(
      directory: directory, binaries: try PostgresBinaries.find(),
      options: .init(settings: ["fsync": "off"], roles: [Self.login]))
    let result: Result<Void, any Error>
    do {
      try await cluster.start()
      result = .success(try await body(cluster))
    } catch {
      result = .failure(error)
    }
    try await cluster.destroy()
    try? FileManager.default.removeItem(atPath: directory.string)
    try result.get()
  }
}

extension PostgresCluster {
  /// Runs a statement as a superuser.
  fileprivate func run(_ sql: String) async throws {
    try await ConnectionPool.with(url: connectionURL(database: "postgres"), maximumConnections: 1) { pool in
      try await pool.withConnection { try await $0.executeScript(sql) }
    }
  }
}
