import Synchronization

/// The rate limit on failed authentications per client address, on this node.
///
/// IPv6 is limited by /64, because one client usually owns all of it.
public final class FailureRateLimiter: Sendable {
  /// The number of addresses tracked.
  ///
  /// Further ones replace those with the fewest failures.
  public static let capacity = 16_384

  private let table: Mutex<GCRATable>
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let start: ContinuousClock.Instant
  /// The latest time until which any address may be blocked, in milliseconds since `start`.
  ///
  /// 0 if none ever was.
  ///
  /// Usually no address is blocked, and then a request costs only this check.
  private let blockedUntil = Atomic<Int64>(0)

  /// Creates a limiter.
  ///
  /// - Parameter failuresPerMinute: The failures allowed in a burst or spread over a minute. Above 0.
  public init(
    failuresPerMinute: Int, capacity: Int = FailureRateLimiter.capacity,
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    let start = clock()
    self.clock = clock
    self.start = start
    table = Mutex(GCRATable(failuresPerMinute: failuresPerMinute, capacity: capacity, at: start))
  }

  /// Whether any address may be blocked.
  ///
  /// If not, the client's address isn't needed.
  public var mayBlock: Bool {
    let until = blockedUntil.load(ordering: .relaxed)
    return until > 0 && clock() < start + .milliseconds(until)
  }

  /// The whole seconds, at least 1, until the address may try again, or nil if it may now.
  public func secondsBlocked(_ address: IPAddress) -> Int64? {
    let now = clock()
    let network = Self.network(of: address)
    guard let free = table.withLock({ $0.blocked(network, at: now) }) else { return nil }
    let wait = (free - now).components
    return max(1, wait.attoseconds > 0 ? wait.seconds + 1 : wait.seconds)
  }

  /// Records a failed authentication.
  public func fail(_ address: IPAddress) {
    let now = clock()
    let network = Self.network(of: address)
    guard let free = table.withLock({ $0.fail(network, at: now) }) else { return }
    let (seconds, attoseconds) = (free - start).components
    let until = seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1
    blockedUntil.max(until, ordering: .relaxed)
  }

  /// The number of addresses whose failures still count.
  public var trackedAddresses: Int {
    let now = clock()
    return table.withLock { $0.tracked(at: now) }
  }

  private static func network(of address: IPAddress) -> AddressRange {
    switch address.family {
    case .ipv4: AddressRange(address)
    case .ipv6: AddressRange.around(address, length: 64)
    }
  }
}
