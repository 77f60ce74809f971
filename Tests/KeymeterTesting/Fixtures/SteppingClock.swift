import Synchronization

/// A clock that only moves when a test advances it.
public final class SteppingClock: Sendable {
  private let moment = Mutex(ContinuousClock.now)

  /// A clock that starts now.
  public init() {}

  /// The current time.
  public var now: ContinuousClock.Instant { moment.withLock { $0 } }

  /// Advances the clock.
  public func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
}
