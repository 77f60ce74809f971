import KeymeterHandlers
import KeymeterRepository
import Postgres

/// Asks the database whether it answers and whether its schema fits.
struct DatabaseReadiness: Sendable {
  /// Serves nothing else, so that a node whose other connections are all at work is not taken for dead.
  let pool: ConnectionPool

  /// The state at present, however long that takes.
  func state() async -> Readiness {
    do {
      guard try await Migrator(pool: pool).state().isUsable else {
        return .notReady(reason: "schema_outdated")
      }
      // A server whose database came up after it has not been refused at its start.
      let unfitness = try await ServerRoleCheck.current(on: pool).unfitness
      return unfitness == nil ? .ready : .notReady(reason: "database_role_unfit")
    } catch {
      return .notReady(reason: "database_unavailable")
    }
  }
}
