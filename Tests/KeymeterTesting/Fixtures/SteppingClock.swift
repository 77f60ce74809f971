import Synchronization

/// A clock that advances only when the test advances it.
public final class SteppingClock: Sendable {
  private let moment = Mutex(ContinuousClock.now)

  /// A clock that stands at the present moment.
  public init() {}

  /// The moment at which it stands.
  public var now: ContinuousClock.Instant { moment.withLock { $0 } }

  /// Goes on.
  public func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
}
