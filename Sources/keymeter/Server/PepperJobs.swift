import KeymeterDomain
import KeymeterRepository
import Logging
import ServiceLifecycle

/// Looks after the peppers while the server runs: checks them, tells which are missed, and moves keys on.
struct PepperJobs: Service {
  let peppers: PepperService
  let renewer: SecretRehasher
  /// More than one pepper is given, so that keys move from one to another.
  let isRotating: Bool
  let metrics: JobMetrics
  let logger: Logger

  /// How long to wait for a database that could not be asked.
  private static let pause = Duration.seconds(1)
  /// How long to wait before keys are counted again; to count them reads them all.
  private static let countInterval = Duration.seconds(600)

  /// - Throws: `PepperMismatch`, which ends the server, where the database could not be asked before it served.
  func run() async throws {
    // Only cancellation ends the renewer, and a service that returns would end the server.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await check() }
      group.addTask {
        await cancelWhenGracefulShutdown {
          await renewer.run { error in
            logger.debug("a key's value was not renewed", metadata: ["error": .string("\(error)")])
          }
        }
      }
      // Unlike `waitForAll`, this throws while the renewer still waits for work.
      for try await _ in group {}
    }
  }

  private func check() async throws {
    try await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await peppers.introduce()
          await count(isFirst: true)
          while isRotating, (try? await Task.sleep(for: Self.countInterval)) != nil {
            await count(isFirst: false)
          }
          return
        } catch let mismatch as PepperMismatch {
          throw mismatch
        } catch {
          try? await Task.sleep(for: Self.pause)
        }
      }
    }
  }

  /// Counts the keys that are yet to move.
  ///
  /// - Parameter isFirst: whether to warn of those that can't.
  private func count(isFirst: Bool) async {
    do {
      let status = try await peppers.status()
      metrics.succeeded(.countPepperKeys)
      metrics.hasPepperKeysLeft(status.filter { $0.state != .current }.map(\.keys).reduce(0, +))
      for pepper in status where isFirst && pepper.state == .retired && pepper.keys > 0 {
        logger.warning(
          "a pepper that is not given any more still guards keys, which are refused",
          metadata: ["pepper": .string(pepper.id), "keys": .stringConvertible(pepper.keys)])
      }
    } catch {
      guard !Task.isCancelled else { return }
      metrics.failed(.countPepperKeys)
      logger.notice(
        "which keys need which pepper can't be told: ask `keymeter pepper status`",
        metadata: ["error": .string("\(error)")])
    }
  }
}
