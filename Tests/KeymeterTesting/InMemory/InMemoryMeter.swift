import KeymeterDomain

/// The counter of a key and a month.
struct CounterID: Sendable, Hashable {
  let organisation: OrganisationID
  let key: KeyID
  let month: Period
}

/// The usage of one key in one month, open reservations included.
struct Counter: Sendable {
  var used = Amounts.zero
  /// The part of `used` that open reservations hold.
  var reserved = Amounts.zero
  var lastUsedAt: Timestamp?
}

/// A key's day.
struct DayID: Sendable, Hashable {
  let organisation: OrganisationID
  let key: KeyID
  let day: CivilDate
}

/// A reservation's id within its organisation.
struct HeldID: Sendable, Hashable {
  let organisation: OrganisationID
  let reservation: ReservationID
}

/// A charge whose true amounts are not known yet.
struct HeldReservation: Sendable {
  enum State: Sendable {
    case open
    case settled(Amounts, overLimit: Bool)
    case expired
  }

  let key: KeyID
  var day: CivilDate
  let amounts: Amounts
  var expiresAt: Timestamp
  let onExpiry: ReservationExpiry
  var state = State.open
}

/// An event's id within its organisation.
struct CountedEventID: Sendable, Hashable {
  let organisation: OrganisationID
  let event: EventID
}

/// What was counted for an event, and the response.
struct CountedEvent: Sendable {
  let key: KeyID
  let amounts: Amounts
  let overLimit: Bool
}

extension Amounts {
  static func + (left: Amounts, right: Amounts) -> Amounts { left.combined(with: right, by: +) }

  static func - (left: Amounts, right: Amounts) -> Amounts { left.combined(with: right, by: -) }

  private func combined(with other: Amounts, by operation: (Int64, Int64) -> Int64) -> Amounts {
    var result = self
    for dimension in Dimension.allCases { result[dimension] = operation(self[dimension], other[dimension]) }
    return result
  }
}
