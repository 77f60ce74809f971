/// The id of a reservation: `rsv_…` (contract §2).
public struct ReservationID: IssuedIdentifier {
  /// The prefix `rsv_`.
  public static let prefix = "rsv_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Wraps a stored or received id.
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// What happens to a reservation that is not settled in time.
public enum ReservationExpiry: String, Sendable, CaseIterable {
  /// Its amounts are released.
  case release
  /// Its amounts are charged.
  case charge
}

/// How long a reservation holds its amounts, and what happens afterwards.
public struct ReservationTerms: Sendable, Hashable {
  /// The allowed hold, in seconds (contract §5).
  public static let holdSeconds: ClosedRange<Int64> = 1...86_400

  /// The hold, in seconds from now.
  public let holdSeconds: Int64
  /// What happens when it expires.
  public let onExpiry: ReservationExpiry

  /// Creates terms.
  ///
  /// Omitted values take the contract's defaults.
  public init(holdSeconds: Int64 = 900, onExpiry: ReservationExpiry = .release) {
    self.holdSeconds = holdSeconds
    self.onExpiry = onExpiry
  }
}

/// The result of a reservation request.
public enum ReserveResult: Sendable, Hashable {
  /// The amounts now count as used, and the snapshot includes them.
  case reserved(ReservationID, expiresAt: Timestamp, KeyUsageSnapshot)
  /// Nothing is reserved.
  case rejected(AdmissionRejection, KeyUsageSnapshot?)
}

/// An open reservation.
public struct Reservation: Sendable {
  /// Its id.
  public let id: ReservationID
  /// When it expires unless it is settled.
  public let expiresAt: Timestamp
  /// The key and its usage, which includes the reserved amounts.
  public let key: KeyUsageSnapshot
}

/// A settled reservation.
public struct SettledReservation: Sendable {
  /// Its id.
  public let id: ReservationID
  /// The true amounts.
  public let amounts: Amounts
  /// Whether amounts beyond the reserved ones exceeded a limit.
  public let overLimit: Bool
  /// The key and its usage in the current month.
  public let key: KeyUsageSnapshot
}

/// The result of settling a reservation.
public enum Settlement: Sendable, Hashable {
  /// The actual amounts replace the reserved ones, now or in an earlier attempt.
  ///
  /// `used` is the key's usage in `period`, the month that was charged. `overLimit` is true if the settlement
  /// exceeded a limit.
  case settled(overLimit: Bool, period: Period, used: Amounts)
  /// The key has no such reservation.
  case unknown
  /// It was already settled with different amounts.
  case settledOtherwise
  /// It had expired, so nothing changes.
  case expired
  /// The counter would overflow, so nothing changes.
  case overflow
}
