import ArgumentParser
import KeymeterDomain
import KeymeterRepository
import Logging
import Postgres

/// What every command that uses the database takes.
struct DatabaseOptions: ParsableArguments {
  @Option(help: "A libpq URI. Default: DATABASE_URL.")
  var databaseURL: String?

  /// Runs `body` with a pool that is closed afterwards.
  ///
  /// - Parameters:
  ///   - role: what its connections become, where the login may.
  ///   - statementTimeout: the longest that one statement may take.
  func withPool<Output: Sendable>(
    as role: DatabaseRole?, statementTimeout: Duration = .seconds(30),
    _ body: @Sendable (ConnectionPool) async throws -> Output
  ) async throws -> Output {
    let settings = try DatabaseSettings(.process, url: databaseURL)
    let pool = ConnectionPool(
      configuration: try settings.configuration(statementTimeout: statementTimeout, role: role),
      options: .init(maximumConnections: 2, waitLimit: .seconds(10)),
      logger: Logger(label: "keymeter") { _ in SwiftLogNoOpLogHandler() })
    let result: Result<Output, any Error>
    do {
      result = .success(try await body(pool))
    } catch {
      result = .failure(error)
    }
    await pool.close()
    return try result.get()
  }

  /// Runs `body` with the organisations of a database whose schema fits this binary.
  ///
  /// - Parameters:
  ///   - role: `.app` for what concerns one organisation's keys and log; `.owner` for what the server itself can't do, to
  ///     make, rename, delete and list organisations.
  ///   - makesKeys: whether keys are made; the peppers must then be the database's.
  func withOrganisations<Output: Sendable>(
    as role: DatabaseRole, makesKeys: Bool = false,
    _ body: @Sendable (OrganisationService) async throws -> Output
  ) async throws -> Output {
    let peppers = try SettingsSource.process.peppers()
    return try await withPool(as: role) { pool in
      let state = try await Migrator(pool: pool).state()
      guard state.isUsable else { throw SchemaNotUsable(state: state) }
      // Row-level security would answer it with nothing, as if there were no organisations.
      if role == .owner, case let standing = try await ServerRoleCheck.current(on: pool), !standing.isOwner {
        throw OwnerRequired(role: standing.role)
      }
      if makesKeys {
        try await PepperService(store: PostgresPepperStore(pool: pool), peppers: peppers).introduce()
      }
      return try await body(
        OrganisationService(store: PostgresManagementStore(pool: pool), peppers: peppers))
    }
  }
}

/// The login can't do what the command is to do.
struct OwnerRequired: Error, CustomStringConvertible {
  let role: String

  var description: String {
    "this takes a login that is a member of \(DatabaseRole.owner.rawValue), which the database role \(role) is not "
      + "(see docs/operations.md)"
  }
}
