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
@Suite("Creating the roles", .serialized, .timeLimit(.minutes(4)))
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

  @Test("A schema that another owner migrated is taken over, with its functions and rows")
  func takeOver() async throws {
    try await withCluster { cluster in
      let url = try await Self.ownDatabase(on: cluster, options: "CREATEROLE")
      try await Self.migrate(url, Self.filesBefore(version: 9))
      try await ConnectionPool.with(url: url) { pool in
        try await pool.withConnection { connection in
          try await connection.executeScript(
            ReportingSeed.key("key_old")
              + ReportingSeed.day("key_old", day: ReportingSeed.today, used: "1, 0, 0"))
        }
      }
      try await Self.migrate(url)
      #expect(try await Self.foreign(url) == [])
      #expect(try await Self.open(url) == [])
      try await ConnectionPool.with(url: url, as: .app) { pool in
        let session = RoleSession(pool: pool)
        let unscoped = try await session.rows("SELECT organisation_id FROM keymeter.usage_daily")
        #expect(unscoped == [])
        let own = try await session.rows("SELECT key_id FROM keymeter.usage_daily", in: "org_a")
        #expect(own == ["key_old"])
        let nothing = Array(repeating: "NULL", count: 14).joined(separator: ", ")
        let refusal = try await session.refusal(of: "SELECT keymeter.check_key(\(nothing))")
        #expect(refusal == "42501")
      }
      // A node of the previous version, which sets neither role nor tenant, still works with the same login.
      try await ConnectionPool.with(url: url) { pool in
        let seen = try await RoleSession(pool: pool).rows("SELECT key_id FROM keymeter.usage_daily")
        #expect(seen == ["key_old"])
      }
    }
  }

  @Test("A database at any earlier version can be migrated and ends up isolated")
  func stoppedAt() async throws {
    try await withCluster { cluster in
      try await cluster.run("CREATE ROLE \(Self.login) LOGIN CREATEROLE")
      for version in Int32(1)...8 {
        try await cluster.run("CREATE DATABASE at_\(version) OWNER \(Self.login)")
        let url = cluster.connectionURL(database: "at_\(version)", role: Self.login)
        try await Self.migrate(url, Self.filesBefore(version: version + 1))
        try await Self.migrate(url)
        #expect(try await Self.foreign(url) == [], "\(version)")
        #expect(try await Self.open(url) == [], "\(version)")
      }
    }
  }

  @Test("A superuser takes over another owner's database, and that owner then needs a membership")
  func takenOverBySuperuser() async throws {
    try await withCluster { cluster in
      let url = try await Self.ownDatabase(on: cluster, options: "")
      try await Self.migrate(url, Self.filesBefore(version: 9))
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

  @Test("A login that does not own the schema can't take it over and changes nothing")
  func foreignDatabase() async throws {
    try await withCluster { cluster in
      try await Self.migrate(cluster.connectionURL(database: "postgres"), Self.filesBefore(version: 9))
      try await cluster.run("CREATE ROLE \(Self.login) LOGIN CREATEROLE")
      try await cluster.run("GRANT CREATE ON DATABASE postgres TO \(Self.login)")
      try await cluster.run(
        "GRANT USAGE ON SCHEMA keymeter TO \(Self.login); "
          + "GRANT SELECT ON keymeter.schema_migrations, keymeter.schema_functions TO \(Self.login)")
      await #expect(throws: PostgresError.self) {
        try await Self.migrate(cluster.connectionURL(database: "postgres", role: Self.login))
      }
      try await ConnectionPool.with(url: cluster.connectionURL(database: "postgres")) { pool in
        let session = RoleSession(pool: pool)
        let made = try await session.rows(
          "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname LIKE 'keymeter%'")
        #expect(made == [])
        let pending = try await Migrator(pool: pool).state().pending
        #expect(pending.first == "0009_separate_roles.sql")
      }
    }
  }

  private static func ownDatabase(on cluster: PostgresCluster, options: String) async throws -> String {
    try await cluster.run("CREATE ROLE \(login) LOGIN \(options)")
    try await cluster.run("CREATE DATABASE own OWNER \(login)")
    return cluster.connectionURL(database: "own", role: login)
  }

  /// The schema files before a migration.
  ///
  /// The functions exist only for the last version before roles, because their signatures use its types. The view
  /// on later columns is left out.
  private static func filesBefore(version: Int32) -> SchemaFiles {
    SchemaFiles(
      migrations: SchemaFiles.embedded.migrations.filter { $0.version < version },
      functions: version == 9
        ? SchemaFiles.embedded.functions.filter { $0.name != "reporting_daily_usage.sql" }.map(beforeRoles)
        : [])
  }

  /// A function's file as it was before the roles existed.
  private static func beforeRoles(_ function: SchemaFunction) -> SchemaFunction {
    var lines = function.sql.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    lines = Array(lines.prefix { !$0.hasPrefix("REVOKE") && !$0.hasPrefix("GRANT") })
    lines.removeAll { $0 == "SECURITY DEFINER" }
    if let first = lines.firstIndex(where: { $0.contains("-- Row-level security") }),
      let last = lines[first...].firstIndex(where: { $0.hasSuffix("partition);") })
    {
      lines.removeSubrange(first...last)
    }
    return SchemaFunction(EmbeddedSQLFile(name: function.name, text: lines.joined(separator: "\n")))
  }

  private static func migrate(_ url: String, _ files: SchemaFiles = .embedded) async throws {
    try await ConnectionPool.with(url: url, maximumConnections: 1) { pool in
      _ = try await Migrator(pool: pool, files: files).migrate()
    }
  }

  /// Tenant tables without row-level security.
  private static func open(_ url: String) async throws -> [String]? {
    try await ConnectionPool.with(url: url) { pool in
      try await RoleSession(pool: pool).rows(TenantIsolationTests.open)
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
      directory: directory, binaries: try await PostgresBinaries.find(),
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
