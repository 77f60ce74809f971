import KeymeterRepository
import Logging
import Postgres
import ServiceLifecycle

/// Does metering's chores while the server runs.
///
/// Every node does them; none waits for another.
struct UsageChores: Service {
  let maintenance: UsageMaintenance
  let logger: Logger

  /// How late a reservation's end may be noticed.
  private static let sweepInterval = Duration.seconds(1)
  /// How many sweeps lie between two rounds of the slower chores: about ten minutes.
  private static let sweepsBetweenRounds = 600

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var sweeps = 0
      var failing: Set<String> = []
      while !Task.isCancelled {
        await attempt("expire reservations", &failing) { _ = try await maintenance.expireReservations() }
        if sweeps % Self.sweepsBetweenRounds == 0 {
          await attempt("make partitions", &failing) { _ = try await maintenance.ensurePartitions() }
          await attempt("purge", &failing) { _ = try await maintenance.purge() }
        }
        sweeps += 1
        try? await Task.sleep(for: Self.sweepInterval)
      }
    }
  }

  /// A chore that fails is done the next time; usage is safe meanwhile.
  ///
  /// Only the first failure in a row is a warning.
  private func attempt(_ chore: String, _ failing: inout Set<String>, _ work: () async throws -> Void) async {
    do {
      try await work()
      failing.remove(chore)
    } catch {
      guard !Task.isCancelled, failing.insert(chore).inserted else { return }
      logger.warning("a chore failed", metadata: ["chore": .string(chore), "error": .string("\(error)")])
    }
  }
}
