/// How often addresses have failed lately, in a fixed amount of memory.
///
/// Each address has a bucket that its failures fill and time empties, written as the one moment when it will be empty
/// (the generic cell rate algorithm): `failures` of them fill it at once, and a minute empties it.
///
/// The places are in sets of eight, and an address belongs to one set, which it can't choose. In a full set a newcomer
/// takes the place of the emptiest bucket. So a flood of addresses that fail once displaces itself, and an address
/// that goes on failing keeps its place.
struct GCRATable: Sendable {
  /// How long a full bucket takes to be empty.
  private static let window = Duration.seconds(60)
  private static let setSize = 8

  private struct Place {
    var network: AddressRange?
    var emptyAt: ContinuousClock.Instant
  }

  private let interval: Duration
  private var places: [Place]

  /// - Parameters:
  ///   - failuresPerMinute: how many are allowed, at once or spread over a minute; above 0.
  ///   - capacity: how many addresses are told apart; a multiple of 8.
  init(failuresPerMinute: Int, capacity: Int, at now: ContinuousClock.Instant) {
    precondition(failuresPerMinute > 0 && capacity > 0 && capacity.isMultiple(of: Self.setSize))
    interval = Self.window / failuresPerMinute
    places = Array(repeating: Place(network: nil, emptyAt: now), count: capacity)
  }

  /// From when on the address may fail once more; `nil` where that is now.
  func blocked(_ network: AddressRange, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    guard let place = set(of: network).first(where: { places[$0].network == network }) else { return nil }
    return freeAt(places[place], now)
  }

  /// Counts a failure.
  ///
  /// - Returns: from when on the address may fail once more; `nil` where that is now.
  mutating func fail(_ network: AddressRange, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    let set = set(of: network)
    let place: Int
    if let own = set.first(where: { places[$0].network == network }) {
      place = own
    } else {
      place = set.min { places[$0].emptyAt < places[$1].emptyAt } ?? set.lowerBound
      places[place] = Place(network: network, emptyAt: now)
    }
    // No fuller than full: those that were asked at the same moment must not lock an address out for longer.
    places[place].emptyAt = min(max(places[place].emptyAt, now) + interval, now + Self.window)
    return freeAt(places[place], now)
  }

  /// How many addresses have failed so lately that it still counts.
  func tracked(at now: ContinuousClock.Instant) -> Int { places.count(where: { $0.emptyAt > now }) }

  private func freeAt(_ place: Place, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    let free = place.emptyAt - (Self.window - interval)
    return free > now ? free : nil
  }

  /// Swift seeds each process's hashes anew, so that nobody can aim at a set.
  private func set(of network: AddressRange) -> Range<Int> {
    let sets = places.count / Self.setSize
    let first = Int(UInt(bitPattern: network.hashValue) % UInt(sets)) * Self.setSize
    return first..<first + Self.setSize
  }
}
