import KeymeterDomain
import Synchronization

/// A clock that stands still at 2024-01-15T10:30:00Z until a test advances it.
final class MovingClock: Sendable {
  private let moment = Mutex(Timestamp(microseconds: 1_705_314_600_000_000))

  var now: Timestamp { moment.withLock { $0 } }

  func advance(seconds: Int64) { moment.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}
