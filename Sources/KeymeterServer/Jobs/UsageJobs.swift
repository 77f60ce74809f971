import KeymeterRepository
import Logging
import Postgres
import ServiceLifecycle

/// The background jobs for usage: expiring reservations, creating partitions, purging.
///
/// Every node runs them, and none waits for another.
struct UsageJobs: Service {
  let maintenance: UsageMaintenance
  let metrics: JobMetrics
  let logger: Logger

  /// How late a reservation's expiry may be noticed.
  private static let sweepInterval = Duration.seconds(1)
  /// The number of sweeps between runs of the slower jobs: about ten minutes.
  private static let sweepsBetweenRounds = 600

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var sweeps = 0
      var failing: Set<JobMetrics.Job> = []
      while !Task.isCancelled {
        await attempt(.expireReservations, &failing) {
          metrics.expired(try await maintenance.expireReservations())
        }
        if sweeps % Self.sweepsBetweenRounds == 0 {
          await attempt(.makePartitions, &failing) { try await makePartitions() }
          await attempt(.purge, &failing) { _ = try await maintenance.purge() }
        }
        sweeps += 1
        try? await Task.sleep(for: Self.sweepInterval)
      }
    }
  }

  /// Updates the gauge even if creating partitions fails, because that is when it matters.
  private func makePartitions() async throws {
    do {
      _ = try await maintenance.ensurePartitions()
    } catch {
      if let ahead = try? await maintenance.partitionsAhead() { metrics.hasPartitionsAhead(ahead) }
      throw error
    }
    metrics.hasPartitionsAhead(try await maintenance.partitionsAhead())
  }

  /// Runs one job.
  ///
  /// A failed job runs again next time, and no usage is lost.
  ///
  /// Only the first failure in a row logs a warning.
  private func attempt(
    _ job: JobMetrics.Job, _ failing: inout Set<JobMetrics.Job>, _ work: () async throws -> Void
  ) async {
    do {
      try await work()
      metrics.succeeded(job)
      failing.remove(job)
    } catch {
      guard !Task.isCancelled else { return }
      metrics.failed(job)
      guard failing.insert(job).inserted else { return }
      logger.warning(
        "a job failed", metadata: ["job": .string(job.rawValue), "error": .string("\(error)")])
    }
  }
}
