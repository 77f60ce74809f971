import KeymeterDomain
import KeymeterRepository
import Logging
import ServiceLifecycle

/// Background jobs for peppers: registers them, counts the keys of each, and rehashes keys after a rotation.
struct PepperJobs: Service {
  let peppers: PepperService
  let rehasher: SecretRehasher
  /// Whether more than one pepper is configured, so that keys move between them.
  let isRotating: Bool
  let metrics: JobMetrics
  let logger: Logger

  /// The pause after a failed query.
  private static let pause = Duration.seconds(1)
  /// The interval between counts.
  ///
  /// Counting reads all keys.
  private static let countInterval = Duration.seconds(600)

  /// - Throws: `PepperMismatch`, which stops the server, if the database was unavailable at startup and is
  ///   then found not to match.
  func run() async throws {
    // Only cancellation ends the rehasher, and a service that returned would stop the server.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await cancelWhenGracefulShutdown { try await check() } }
      group.addTask {
        await cancelWhenGracefulShutdown {
          await rehasher.run { error in
            logger.debug("a key was not rehashed", metadata: ["error": .string("\(error)")])
          }
        }
      }
      // Unlike `waitForAll`, this throws even while the rehasher waits for work.
      for try await _ in group {}
    }
  }

  private func check() async throws {
    try await introduce()
    await count(isFirst: true)
    while isRotating, (try? await Task.sleep(for: Self.countInterval)) != nil { await count(isFirst: false) }
  }

  /// Registers the peppers, and retries while the database is unavailable.
  private func introduce() async throws {
    while !Task.isCancelled {
      do {
        return try await peppers.introduce()
      } catch let mismatch as PepperMismatch {
        throw mismatch
      } catch {
        try? await Task.sleep(for: Self.pause)
      }
    }
  }

  /// Counts the keys that have not moved yet.
  ///
  /// - Parameter isFirst: Whether to warn of keys that can't.
  private func count(isFirst: Bool) async {
    do {
      let status = try await peppers.status()
      metrics.succeeded(.countPepperKeys)
      metrics.hasPepperKeysLeft(status.filter { $0.state != .current }.map(\.keys).reduce(0, +))
      for pepper in status where isFirst && pepper.state == .retired && pepper.keys > 0 {
        logger.warning(
          "keys that depend on a pepper that is no longer configured are rejected",
          metadata: ["pepper": .string(pepper.id), "keys": .stringConvertible(pepper.keys)])
      }
    } catch {
      guard !Task.isCancelled else { return }
      metrics.failed(.countPepperKeys)
      logger.notice(
        "can't count the keys of each pepper: run `keymeter pepper status`",
        metadata: ["error": .string("\(error)")])
    }
  }
}
