import Synchronization
import UnixSignals

/// Holds SIGINT and SIGTERM while `keymeter dev` starts, so that a cluster that is just starting is stopped
/// in order.
final class Interruption: Sendable {
  private let raised = Mutex(false)
  private let watch = Mutex<Task<Void, Never>?>(nil)

  private init() {}

  /// Begins the watch.
  static func watching() async -> Interruption {
    let interruption = Interruption()
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let task = Task { [weak interruption] in
      for await _ in signals { interruption?.raised.withLock { $0 = true } }
    }
    interruption.watch.withLock { $0 = task }
    return interruption
  }

  /// Ends the watch: from now on the server looks after the signals.
  ///
  /// - Returns: whether a signal came in the meantime.
  func handOver() -> Bool {
    watch.withLock { $0?.cancel() }
    return raised.withLock { $0 }
  }
}
