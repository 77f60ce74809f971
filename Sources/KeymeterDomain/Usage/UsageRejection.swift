/// Why the runtime API rejects a call whose caller is authentic.
public enum UsageRejection: Error, Sendable, Equatable {
  /// The key has no reservation with this id.
  case reservationNotFound
  case reservationExpired
  /// The reservation was settled with other amounts.
  case settledOtherwise
  /// The event was reported with another key or other amounts.
  case eventDiffers
  /// The month's counter can't hold the amount.
  case counterFull
}

/// The caller's key was not admitted.
public struct AdmissionRejectedError: Error, Sendable, Equatable {
  /// Why.
  public let rejection: AdmissionRejection
  /// The key and its usage, if a charge of a known key was rejected.
  public let key: KeyUsageSnapshot?
  /// What it would have charged.
  public let charge: Amounts

  /// The error for a rejected caller or charge.
  public init(rejection: AdmissionRejection, key: KeyUsageSnapshot? = nil, charge: Amounts = .zero) {
    self.rejection = rejection
    self.key = key
    self.charge = charge
  }
}
