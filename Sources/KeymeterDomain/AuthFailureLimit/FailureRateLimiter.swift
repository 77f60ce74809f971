import Synchronization

/// Limits how often authentications from one address may fail, on this node.
///
/// IPv6 is counted by /64, of which one client commonly has all.
public final class FailureRateLimiter: Sendable {
  /// How many addresses are told apart; further ones take the place of those that have failed least.
  public static let capacity = 16_384

  private let table: Mutex<GCRATable>
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let start: ContinuousClock.Instant
  /// Up to when some address may be over its limit, in milliseconds since `start`; 0 where none ever was.
  ///
  /// As long as nobody is, which is nearly always, a request costs this one look.
  private let blockedUntil = Atomic<Int64>(0)

  /// A limiter that has seen nothing yet.
  ///
  /// - Parameter failuresPerMinute: how many are allowed, at once or spread over a minute; above 0.
  public init(
    failuresPerMinute: Int, capacity: Int = FailureRateLimiter.capacity,
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    let start = clock()
    self.clock = clock
    self.start = start
    table = Mutex(GCRATable(failuresPerMinute: failuresPerMinute, capacity: capacity, at: start))
  }

  /// Whether some address may be over its limit; where none is, nobody's address has to be known.
  public var mayBlock: Bool {
    let until = blockedUntil.load(ordering: .relaxed)
    return until > 0 && clock() < start + .milliseconds(until)
  }

  /// In how many whole seconds, 1 at least, the address may try again; `nil` where it may now.
  public func secondsBlocked(_ address: IPAddress) -> Int64? {
    let now = clock()
    let network = Self.network(of: address)
    guard let free = table.withLock({ $0.blocked(network, at: now) }) else { return nil }
    let wait = (free - now).components
    return max(1, wait.attoseconds > 0 ? wait.seconds + 1 : wait.seconds)
  }

  /// Counts a failed authentication.
  public func fail(_ address: IPAddress) {
    let now = clock()
    let network = Self.network(of: address)
    guard let free = table.withLock({ $0.fail(network, at: now) }) else { return }
    let (seconds, attoseconds) = (free - start).components
    let until = seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1
    blockedUntil.max(until, ordering: .relaxed)
  }

  /// How many addresses have failed so lately that it still counts.
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
