public import KeymeterDomain

/// The usage data of a store at one moment, for comparing two stores.
///
/// Timestamps are omitted because they differ, and counters and days at zero because they say nothing.
public struct MeterSnapshot: Sendable, Equatable {
  /// What a key used in a month.
  public struct Month: Sendable, Hashable {
    let organisation: String
    let key: String
    let month: CivilDate
    let used: Amounts
    let reserved: Amounts

    /// A counter of a store.
    public init(organisation: String, key: String, month: CivilDate, used: Amounts, reserved: Amounts) {
      self.organisation = organisation
      self.key = key
      self.month = month
      self.used = used
      self.reserved = reserved
    }
  }

  /// What a key used on a day.
  public struct Day: Sendable, Hashable {
    let organisation: String
    let key: String
    let day: CivilDate
    let used: Amounts

    /// A day of a store.
    public init(organisation: String, key: String, day: CivilDate, used: Amounts) {
      self.organisation = organisation
      self.key = key
      self.day = day
      self.used = used
    }
  }

  /// A reservation, open or closed.
  public struct Reservation: Sendable, Hashable {
    let organisation: String
    let id: String
    let key: String
    let day: CivilDate
    let amounts: Amounts
    let onExpiry: String
    /// `open`, `settled` or `expired`.
    let state: String
    /// What a closed reservation counts as used.
    let settled: Amounts?
    let overLimit: Bool?

    /// A reservation of a store.
    public init(
      organisation: String, id: String, key: String, day: CivilDate, amounts: Amounts, onExpiry: String,
      state: String, settled: Amounts?, overLimit: Bool?
    ) {
      self.organisation = organisation
      self.id = id
      self.key = key
      self.day = day
      self.amounts = amounts
      self.onExpiry = onExpiry
      self.state = state
      self.settled = settled
      self.overLimit = overLimit
    }
  }

  /// An event that was counted.
  public struct Event: Sendable, Hashable {
    let organisation: String
    let id: String
    let key: String
    let amounts: Amounts
    let overLimit: Bool

    /// An event of a store.
    public init(organisation: String, id: String, key: String, amounts: Amounts, overLimit: Bool) {
      self.organisation = organisation
      self.id = id
      self.key = key
      self.amounts = amounts
      self.overLimit = overLimit
    }
  }

  let months: Set<Month>
  let days: Set<Day>
  let reservations: Set<Reservation>
  let events: Set<Event>

  /// The data of a store.
  public init(months: [Month], days: [Day], reservations: [Reservation], events: [Event]) {
    self.months = Set(months.filter { $0.used != .zero || $0.reserved != .zero })
    self.days = Set(days.filter { $0.used != .zero })
    self.reservations = Set(reservations)
    self.events = Set(events)
  }

  /// Whether nothing was ever counted.
  public var isEmpty: Bool { months.isEmpty && days.isEmpty && reservations.isEmpty && events.isEmpty }

  /// The differences between two snapshots.
  public func differences(from other: MeterSnapshot) -> [String] {
    lines.subtracting(other.lines).map { "only here: \($0)" }.sorted()
      + other.lines.subtracting(lines).map { "only there: \($0)" }.sorted()
  }

  /// Contradictions within the snapshot: a month must equal the sum of its days, and its reserved amounts the sum of its
  /// open reservations.
  public var contradictions: [String] {
    var days: [CounterID: Amounts] = [:]
    for day in self.days {
      days[CounterID(day.organisation, day.key, day.day), default: .zero] =
        (days[CounterID(day.organisation, day.key, day.day)] ?? .zero) + day.used
    }
    var held: [CounterID: Amounts] = [:]
    for open in reservations where open.state == "open" && open.amounts != .zero {
      let id = CounterID(open.organisation, open.key, open.day)
      held[id] = (held[id] ?? .zero) + open.amounts
    }
    let used = Dictionary(
      uniqueKeysWithValues: months.map { (CounterID($0.organisation, $0.key, $0.month), $0.used) })
    let reserved = Dictionary(
      uniqueKeysWithValues: months.filter { $0.reserved != .zero }.map {
        (CounterID($0.organisation, $0.key, $0.month), $0.reserved)
      })
    return (used == days.filter { $0.value != .zero } ? [] : ["used \(used), days \(days)"])
      + (reserved == held ? [] : ["reserved \(reserved), open reservations \(held)"])
  }

  private var lines: Set<String> {
    Set(
      months.map { "\($0)" } + days.map { "\($0)" } + reservations.map { "\($0)" } + events.map { "\($0)" })
  }
}

extension CounterID {
  fileprivate init(_ organisation: String, _ key: String, _ day: CivilDate) {
    self.init(
      organisation: OrganisationID(rawValue: organisation), key: KeyID(rawValue: key),
      month: Period(containing: day))
  }
}

extension InMemoryStore {
  /// The store's usage data.
  public func meter() async throws -> MeterSnapshot {
    try await changing { state, _ in MeterSnapshot(state) }
  }
}

extension MeterSnapshot {
  fileprivate init(_ state: InMemoryState) {
    self.init(
      months: state.counters.map { id, counter in
        Month(
          organisation: id.organisation.rawValue, key: id.key.rawValue, month: id.month.firstDay,
          used: counter.used, reserved: counter.reserved)
      },
      days: state.days.map { id, used in
        Day(organisation: id.organisation.rawValue, key: id.key.rawValue, day: id.day, used: used)
      },
      reservations: state.reservations.map(Reservation.init),
      events: state.events.map { id, event in
        Event(
          organisation: id.organisation.rawValue, id: id.event.rawValue, key: event.key.rawValue,
          amounts: event.amounts, overLimit: event.overLimit)
      })
  }
}

extension MeterSnapshot.Reservation {
  fileprivate init(_ id: HeldID, _ held: HeldReservation) {
    let closed: (state: String, settled: Amounts?, overLimit: Bool?) =
      switch held.state {
      case .open: ("open", nil, nil)
      case .settled(let amounts, let over): ("settled", amounts, over)
      case .expired: ("expired", held.onExpiry == .charge ? held.amounts : .zero, false)
      }
    self.init(
      organisation: id.organisation.rawValue, id: id.reservation.rawValue, key: held.key.rawValue,
      day: held.day, amounts: held.amounts, onExpiry: held.onExpiry.rawValue, state: closed.state,
      settled: closed.settled, overLimit: closed.overLimit)
  }
}
