import HTTPTypes
import KeymeterDomain

/// Why credentials were not accepted: a metric's `reason`.
enum AuthFailure: String, CaseIterable, Sendable {
  case credentialsMissing = "credentials_missing"
  /// The form or the checksum is wrong: it was never issued.
  case malformedKey = "malformed_key"
  case unknownKey = "unknown_key"
  case unknownProvider = "unknown_provider"
  case revoked
  case expired
  /// Unknown, revoked, expired or another organisation's: the management of keys doesn't tell these apart.
  case notActive = "not_active"
  /// A report of leaked keys is not signed by whom it says.
  case reportUnsigned = "report_unsigned"

  /// Whether it counts against its address.
  ///
  /// A request without credentials is no attempt at any: whatever probes for a server sends such ones.
  var counts: Bool { self != .credentialsMissing }

  /// What an error says of its request's credentials; `nil` for any other error.
  ///
  /// - Parameter isWellFormed: whether the key could have been issued.
  init?(_ error: any Error, isWellFormed: Bool) {
    switch error {
    case Rejection.credentialsMissing: self = .credentialsMissing
    case Rejection.notAuthentic: self = isWellFormed ? .notActive : .malformedKey
    case Rejection.unknownProvider: self = .unknownProvider
    case let error as AdmissionRejectedError: self.init(error.refusal)
    case let problem as Problem where problem.status == .unauthorized:
      self.init(rawValue: problem.headers[.reason] ?? "")
    default: return nil
    }
  }

  /// What a refusal says of the credentials; `nil` where they are authentic.
  init?(_ refusal: AdmissionRejection) {
    switch refusal {
    case .unknownProvider: self = .unknownProvider
    case .unknownKey: self = .unknownKey
    case .revoked: self = .revoked
    case .expired: self = .expired
    case .addressNotAllowed, .environmentMismatch, .scopeMissing, .overLimit: return nil
    }
  }
}
