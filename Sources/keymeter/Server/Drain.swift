import Logging
import ServiceLifecycle
import Synchronization

/// The time between the order to stop and the end of listening.
///
/// In it the server answers as before, but is not ready, and ends each connection with its next answer: whoever spreads
/// requests over several nodes learns to send this one no more, before anything that is sent would be refused.
final class Drain: Service {
  private let time: Duration
  private let logger: Logger?
  private let begun = Atomic<Bool>(false)

  /// - Parameter time: how long it takes; with zero there is none.
  init(lasting time: Duration, logger: Logger? = nil) {
    self.time = time
    self.logger = logger
  }

  var hasBegun: Bool { begun.load(ordering: .relaxed) }

  /// Says that the time has begun, without waiting for its end.
  func begin() { begun.store(true, ordering: .relaxed) }

  /// Waits for the order to stop, and then until the time is over.
  func run() async {
    try? await gracefulShutdown()
    guard time > .zero, !Task.isCancelled else { return }
    logger?.notice("draining", metadata: ["seconds": .stringConvertible(time.components.seconds)])
    begin()
    try? await Task.sleep(for: time)
  }
}
