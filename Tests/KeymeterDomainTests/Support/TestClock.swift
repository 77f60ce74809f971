import KeymeterDomain
import Synchronization

/// A clock that only moves when a test advances it.
final class TestClock: Sendable {
  private let moment = Mutex(Timestamp(microseconds: 1_705_314_600_000_000))

  var now: Timestamp { moment.withLock { $0 } }

  func advance(seconds: Int64) { moment.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}
