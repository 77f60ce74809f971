import KeymeterServer
import Logging
import Postgres

/// Whether a pooler stands between, in which mode, and whether it keeps prepared statements.
struct PoolerCheck: Sendable {
  let configuration: ConnectionConfiguration
  let settings: DatabaseSettings

  private static let limit = Duration.seconds(20)
  private static let name = "KEYMETER_PREPARED_STATEMENTS"

  /// - Returns: the verdict, and what was found; nil where it can't be told.
  func verdict() async -> (verdict: CheckResult, pooling: Pooling?) {
    do {
      let configuration = configuration
      let pooling = try await Bounded.run(Self.limit) {
        try await Pooling.probe(configuration, logger: .silent)
      }
      return (judge(pooling), pooling)
    } catch {
      return (
        .fail(
          "it can't be told: \(DoctorRun.words(of: error))",
          advice: "See that PostgreSQL has connections left"), nil
      )
    }
  }

  private func judge(_ pooling: Pooling) -> CheckResult {
    switch pooling {
    case .none: .ok("none")
    case .session: .ok("a pooler that keeps sessions")
    case .transaction(keepsPreparedStatements: true):
      .ok("a pooler in transaction mode, which keeps prepared statements")
    case .transaction(keepsPreparedStatements: false) where !settings.preparedStatements:
      .ok("a pooler in transaction mode; prepared statements are off")
    case .transaction(keepsPreparedStatements: false):
      .fail(
        "a pooler in transaction mode, which doesn't keep prepared statements",
        advice: "Set \(Self.name)=off, or let the pooler keep them (PgBouncer 1.21: max_prepared_statements)")
    case .statement:
      .fail("a pooler in statement mode: there are no transactions", advice: "Set pool_mode = transaction")
    }
  }
}
