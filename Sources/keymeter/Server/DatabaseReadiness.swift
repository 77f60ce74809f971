import KeymeterHandlers
import KeymeterRepository
import Postgres

/// Asks the database whether it answers and whether its schema fits.
struct DatabaseReadiness: Sendable {
  let pool: ConnectionPool

  /// An orchestrator that asks wants an answer, also from behind a frozen database.
  private static let longestWait = Duration.milliseconds(1_500)

  @Sendable func check() async -> Readiness {
    await withTaskGroup(of: Readiness.self) { group in
      group.addTask { await state() }
      group.addTask {
        try? await Task.sleep(for: Self.longestWait)
        return .notReady(reason: "database_too_slow")
      }
      let first = await group.next() ?? .notReady(reason: "database_unavailable")
      group.cancelAll()
      return first
    }
  }

  private func state() async -> Readiness {
    do {
      guard try await Migrator(pool: pool).state().isUsable else {
        return .notReady(reason: "schema_outdated")
      }
      // A server whose database came up after it has not been refused at its start.
      let unfitness = try await RoleStanding.current(on: pool).unfitness
      return unfitness == nil ? .ready : .notReady(reason: "database_role_unfit")
    } catch {
      return .notReady(reason: "database_unavailable")
    }
  }
}
