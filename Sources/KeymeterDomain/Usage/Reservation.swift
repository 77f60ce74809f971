/// The id of a reservation: `rsv_…` (contract §2).
public struct ReservationID: IssuedIdentifier {
  /// The prefix `rsv_`.
  public static let prefix = "rsv_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Takes an id as it was stored or received.
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// What becomes of a reservation that nobody settles in time.
public enum ReservationExpiry: String, Sendable, CaseIterable {
  /// Its amounts are given back.
  case release
  /// Its amounts stay used.
  case charge
}

/// How long amounts are held, and what happens then.
public struct ReservationTerms: Sendable, Hashable {
  /// The longest and the shortest hold, in seconds (contract §5).
  public static let holdSeconds: ClosedRange<Int64> = 1...86_400

  /// Seconds from now.
  public let holdSeconds: Int64
  /// What happens then.
  public let onExpiry: ReservationExpiry

  /// Terms; what is left out takes the contract's defaults.
  public init(holdSeconds: Int64 = 900, onExpiry: ReservationExpiry = .release) {
    self.holdSeconds = holdSeconds
    self.onExpiry = onExpiry
  }
}

/// The answer to a request to reserve.
public enum ReserveResult: Sendable, Hashable {
  /// The amounts count as used from now on; the standing includes them.
  case reserved(ReservationID, expiresAt: Timestamp, KeyUsageSnapshot)
  /// Nothing is held.
  case refused(AdmissionRejection, KeyUsageSnapshot?)

  /// How the key stands, where it is known.
  var standing: KeyUsageSnapshot? {
    switch self {
    case .reserved(_, _, let standing): standing
    case .refused(_, let standing): standing
    }
  }
}

/// What came of an attempt to settle a reservation.
public enum Settlement: Sendable, Hashable {
  /// The true amounts have taken the place of the reserved ones, now or before. `used` is what the key has used in
  /// `period`, the month that was charged; `overLimit` says that more than reserved took it over a limit.
  case settled(overLimit: Bool, period: Period, used: Amounts)
  /// The key has no such reservation.
  case unknown
  /// It was settled with other amounts.
  case settledOtherwise
  /// Its time was over; nothing changes.
  case expired
  /// The counter could not hold so much; nothing changes.
  case overflow
}
