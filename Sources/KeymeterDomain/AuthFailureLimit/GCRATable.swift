/// Recent failures per address, in a fixed amount of memory.
///
/// Each address has a bucket that failures fill and time drains, stored as the time when it will be empty
/// (the generic cell rate algorithm, GCRA). `failuresPerMinute` failures fill it at once, and a minute
/// empties it.
///
/// The slots form sets of eight, and an address can't choose its set. In a full set, a new address evicts the
/// emptiest bucket. So a flood of addresses that each fail once evicts itself, while an address that keeps
/// failing stays.
struct GCRATable: Sendable {
  /// How long a full bucket takes to drain.
  private static let window = Duration.seconds(60)
  private static let setSize = 8

  private struct Slot {
    var network: AddressRange?
    var emptyAt: ContinuousClock.Instant
  }

  private let interval: Duration
  private var slots: [Slot]

  /// - Parameters:
  ///   - failuresPerMinute: The failures allowed in a burst or spread over a minute. Above 0.
  ///   - capacity: The number of addresses tracked, a multiple of 8.
  init(failuresPerMinute: Int, capacity: Int, at now: ContinuousClock.Instant) {
    precondition(failuresPerMinute > 0 && capacity > 0 && capacity.isMultiple(of: Self.setSize))
    interval = Self.window / failuresPerMinute
    slots = Array(repeating: Slot(network: nil, emptyAt: now), count: capacity)
  }

  /// When the address may try again.
  ///
  /// Nil if it may now.
  func blocked(_ network: AddressRange, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    guard let slot = set(of: network).first(where: { slots[$0].network == network }) else { return nil }
    return freeAt(slots[slot], now)
  }

  /// Records a failure.
  ///
  /// - Returns: When the address may try again. Nil if it may now.
  mutating func fail(_ network: AddressRange, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    let set = set(of: network)
    let slot: Int
    if let own = set.first(where: { slots[$0].network == network }) {
      slot = own
    } else {
      slot = set.min { slots[$0].emptyAt < slots[$1].emptyAt } ?? set.lowerBound
      slots[slot] = Slot(network: network, emptyAt: now)
    }
    // Never fuller than full: concurrent failures must not block an address for longer.
    slots[slot].emptyAt = min(max(slots[slot].emptyAt, now) + interval, now + Self.window)
    return freeAt(slots[slot], now)
  }

  /// The number of addresses whose failures still count.
  func tracked(at now: ContinuousClock.Instant) -> Int { slots.count(where: { $0.emptyAt > now }) }

  private func freeAt(_ slot: Slot, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    let free = slot.emptyAt - (Self.window - interval)
    return free > now ? free : nil
  }

  /// Swift seeds hashes per process, so an attacker can't target a set.
  private func set(of network: AddressRange) -> Range<Int> {
    let sets = slots.count / Self.setSize
    let first = Int(UInt(bitPattern: network.hashValue) % UInt(sets)) * Self.setSize
    return first..<first + Self.setSize
  }
}
