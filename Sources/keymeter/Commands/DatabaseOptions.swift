import ArgumentParser
import KeymeterDomain
import KeymeterRepository
import KeymeterServer
import Logging
import Postgres

/// The options of all commands that use the database.
struct DatabaseOptions: ParsableArguments {
  @Option(help: "A libpq URI. Default: DATABASE_URL.")
  var databaseURL: String?

  /// Runs `body` with a pool, and closes the pool afterwards.
  ///
  /// - Parameters:
  ///   - role: The role that connections switch to if the login may.
  ///   - statementTimeout: The time limit of one statement.
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

  /// Runs `body` with the organisation service, after checking the schema.
  ///
  /// - Parameters:
  ///   - role: `.app` for work within one organisation. `.owner` to create, rename, delete and list
  ///     organisations, which the server itself may not do.
  ///   - makesKeys: Whether `body` creates keys. The peppers must then match the database's.
  func withOrganisations<Output: Sendable>(
    as role: DatabaseRole, makesKeys: Bool = false,
    _ body: @Sendable (OrganisationService) async throws -> Output
  ) async throws -> Output {
    let peppers = try SettingsSource.process.peppers()
    return try await withPool(as: role) { pool in
      let state = try await Migrator(pool: pool).state()
      guard state.isUsable else { throw SchemaNotUsable(state: state) }
      // Row-level security would hide all organisations from any other role, without an error.
      if role == .owner, case let standing = try await ServerRoleCheck.current(on: pool), !standing.isOwner {
        throw OwnerRequired(role: standing.role)
      }
      if makesKeys {
        try await PepperService(store: PostgresPepperStore(pool: pool), peppers: peppers).introduce()
      }
      return try await body(
        OrganisationService(store: PostgresTenantStore(pool: pool), peppers: peppers))
    }
  }
}

/// The login lacks the role that the command needs.
struct OwnerRequired: Error, CustomStringConvertible {
  let role: String

  var description: String {
    "this command needs a login that is a member of \(DatabaseRole.owner.rawValue), "
      + "which the database role \(role) is not (see docs/operations.md)"
  }
}
