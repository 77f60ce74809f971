import KeymeterRepository
import Logging
import ServiceLifecycle
import Synchronization

/// Background work that a node repeats while it runs.
///
/// Every node runs every job, and none waits for another, so each job must be safe to run concurrently.
final class Job: Sendable {
  private let name: JobMetrics.Job
  private let interval: Duration
  private let work: @Sendable () async throws -> Void
  private let isFailing = Atomic<Bool>(false)

  init(_ name: JobMetrics.Job, every interval: Duration, _ work: @escaping @Sendable () async throws -> Void)
  {
    self.name = name
    self.interval = interval
    self.work = work
  }

  /// Runs the job at once and after each interval, even after a failure.
  func run(_ metrics: JobMetrics, _ logger: Logger) async {
    await repeatUntilShutdown(every: interval) { await self.runOnce(metrics, logger) }
  }

  /// Only the first failure in a row logs a warning.
  private func runOnce(_ metrics: JobMetrics, _ logger: Logger) async {
    do {
      try await work()
      metrics.succeeded(name)
      isFailing.store(false, ordering: .relaxed)
    } catch {
      guard !Task.isCancelled else { return }
      metrics.failed(name)
      guard !isFailing.exchange(true, ordering: .relaxed) else { return }
      logger.warning("a job failed", metadata: ["job": .string(name.rawValue), "error": .string("\(error)")])
    }
  }
}

/// Runs jobs concurrently.
struct JobService: Service {
  let jobs: [Job]
  let metrics: JobMetrics
  let logger: Logger

  func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      for job in jobs { group.addTask { await job.run(metrics, logger) } }
    }
  }
}

extension Job {
  /// The jobs for usage.
  static func usage(_ maintenance: UsageMaintenance, _ metrics: JobMetrics) -> [Job] {
    [
      Job(.expireReservations, every: .seconds(1)) {
        metrics.expired(try await maintenance.expireReservations())
      },
      Job(.makePartitions, every: .seconds(600)) {
        do {
          _ = try await maintenance.ensurePartitions()
        } catch {
          // Update the gauge even now, because this is when it matters.
          if let ahead = try? await maintenance.partitionsAhead() { metrics.hasPartitionsAhead(ahead) }
          throw error
        }
        metrics.hasPartitionsAhead(try await maintenance.partitionsAhead())
      },
      Job(.purge, every: .seconds(600)) { _ = try await maintenance.purge() },
    ]
  }
}
