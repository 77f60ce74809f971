import KeymeterHandlers
import KeymeterRepository
import Postgres

/// Checks that the database responds and that its schema fits this binary.
struct DatabaseReadiness: Sendable {
  /// A dedicated pool, so that a node whose other connections are all busy still counts as ready.
  let pool: ConnectionPool

  /// The current state, however long the query takes.
  func state() async -> Readiness {
    do {
      guard try await Migrator(pool: pool).state().isUsable else {
        return .notReady(reason: "schema_outdated")
      }
      // If the database came up after the server, the role was not checked at startup.
      let unfitness = try await ServerRoleCheck.current(on: pool).unfitness
      return unfitness == nil ? .ready : .notReady(reason: "database_role_unfit")
    } catch {
      return .notReady(reason: "database_unavailable")
    }
  }
}
