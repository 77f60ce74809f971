import KeymeterRepository
import Postgres

/// Whether the server would get a connection.
struct ConnectionCheck: Sendable {
  let pool: ConnectionPool

  /// For several hosts, one of them slow.
  private static let limit = Duration.seconds(15)

  /// - Returns: the verdict, and whether there is a connection.
  func verdict() async -> (verdict: CheckResult, isConnected: Bool) {
    do {
      let pool = pool
      let facts = try await Bounded.run(Self.limit) { try await DatabaseInspection(pool: pool).server() }
      let transport = facts.isEncrypted ? "encrypted" : "not encrypted"
      return (.ok("the database \(facts.database), \(transport)"), true)
    } catch {
      return (
        .fail(
          DoctorRun.words(of: error),
          advice:
            "Correct DATABASE_URL or what it names (PgBouncer needs ignore_startup_parameters = options)"),
        false
      )
    }
  }
}
