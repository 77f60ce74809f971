import KeymeterDomain
import Postgres

extension Admission {
  /// A row of `admit` or `admit_many`.
  init(_ row: Row) throws {
    switch try AdmissionRejection(decision: try row.decode(1, as: String.self)) {
    case nil: self = .admitted(try KeyUsageSnapshot(row))
    case let rejection? where !rejection.namesKey: self = .rejected(rejection, nil)
    case let rejection?: self = .rejected(rejection, try KeyUsageSnapshot(row))
    }
  }
}

/// A function returned a decision that this binary does not know.
struct UnknownDecision: Error {
  let decision: String
}

extension AdmissionRejection {
  /// Decodes a decision of `admit`, `admit_many` or `admit_groups`.
  ///
  /// Nil for `admitted`.
  init?(decision: String) throws(UnknownDecision) {
    switch decision {
    case "admitted": return nil
    case "unknown_provider": self = .unknownProvider
    case "unknown_key": self = .unknownKey
    case "revoked": self = .revoked
    case "expired": self = .expired
    case "address_not_allowed": self = .addressNotAllowed
    case "environment_mismatch": self = .environmentMismatch
    case "scope_missing": self = .scopeMissing
    case "over_limit_requests": self = .overLimit(.requests)
    case "over_limit_tokens": self = .overLimit(.tokens)
    case "over_limit_stt_secs": self = .overLimit(.speechSeconds)
    default: throw UnknownDecision(decision: decision)
    }
  }

  /// Whether the row has the key and its counters.
  fileprivate var namesKey: Bool { self != .unknownProvider && self != .unknownKey }
}

extension KeyUsageSnapshot {
  /// Reads the columns from organisation_id to judged_at, starting at index `first`.
  init(_ row: Row, from first: Int = 2) throws {
    guard let environment = KeyEnvironment(rawValue: try row.decode(first + 2, as: String.self)) else {
      throw UnknownStoredValue(column: "environment")
    }
    self.init(
      keyID: KeyID(rawValue: try row.decode(first + 1, as: String.self)),
      organisationID: OrganisationID(rawValue: try row.decode(first, as: String.self)),
      environment: environment,
      scopes: try row.decode(first + 3, as: [String].self).map(Scope.init(stored:)),
      limits: MonthlyLimits(
        requests: try row.decode(first + 4, as: Int64?.self),
        tokens: try row.decode(first + 5, as: Int64?.self),
        speechSeconds: try row.decode(first + 6, as: Int64?.self)),
      used: Amounts(
        requests: try row.decode(first + 7, as: Int64.self),
        tokens: try row.decode(first + 8, as: Int64.self),
        speechSeconds: try row.decode(first + 9, as: Int64.self)),
      judgedAt: Timestamp(
        microseconds: try row.decode(first + 10, as: PostgresTimestamp.self).microsecondsSinceUnixEpoch))
  }
}

/// A bug in the statement: a batch returned no row for one of its requests.
struct AnswerMissing: Error {}
