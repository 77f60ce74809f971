import Logging
import ServiceLifecycle
import Synchronization

/// The drain phase: the time between the stop signal and the end of listening.
///
/// The server keeps serving, but reports not ready and closes each connection after its next response, until
/// load balancers have moved on.
final class Drain: Service {
  private let time: Duration
  private let logger: Logger?
  private let begun = Atomic<Bool>(false)

  /// - Parameter time: The duration of the phase. Zero skips it.
  init(lasting time: Duration, logger: Logger? = nil) {
    self.time = time
    self.logger = logger
  }

  var hasBegun: Bool { begun.load(ordering: .relaxed) }

  /// Starts the phase without waiting for its end.
  func begin() { begun.store(true, ordering: .relaxed) }

  /// Waits for the stop signal, and then for the end of the phase.
  func run() async {
    try? await gracefulShutdown()
    guard time > .zero, !Task.isCancelled else { return }
    logger?.notice("draining", metadata: ["seconds": .stringConvertible(time.components.seconds)])
    begin()
    try? await Task.sleep(for: time)
  }
}
