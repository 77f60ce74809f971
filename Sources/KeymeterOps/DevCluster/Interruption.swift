import Synchronization
import UnixSignals

/// Catches SIGINT and SIGTERM while `keymeter dev` starts, so that a starting cluster is stopped cleanly.
final class Interruption: Sendable {
  private let raised = Mutex(false)
  private let watch = Mutex<Task<Void, Never>?>(nil)

  private init() {}

  /// Starts catching signals.
  static func watching() async -> Interruption {
    let interruption = Interruption()
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let task = Task { [weak interruption] in
      for await _ in signals { interruption?.raised.withLock { $0 = true } }
    }
    interruption.watch.withLock { $0 = task }
    return interruption
  }

  /// Stops catching signals, because the server now handles them.
  ///
  /// - Returns: Whether a signal arrived so far.
  func handOver() -> Bool {
    watch.withLock { $0?.cancel() }
    return raised.withLock { $0 }
  }
}
