import KeymeterDomain
import Postgres

extension Admission {
  /// A row of `keymeter.admit`, by the decision codes that its file lists.
  init(_ row: Row) throws {
    switch try row.decode(1, as: Int32.self) {
    case 0: self = .admitted(try KeyUsageSnapshot(row))
    // The key is unknown.
    case let decision where decision <= 2: self = .refused(try AdmissionRejection(decision: decision), nil)
    case let decision: self = .refused(try AdmissionRejection(decision: decision), try KeyUsageSnapshot(row))
    }
  }
}

/// `keymeter.admit` returned a code that this binary does not know.
struct UnknownDecision: Error {
  let code: Int32
}

extension AdmissionRejection {
  /// Decodes a decision other than 0.
  init(decision: Int32) throws {
    switch decision {
    case 1: self = .unknownProvider
    case 2: self = .unknownKey
    case 3: self = .revoked
    case 4: self = .expired
    case 5: self = .environmentMismatch
    case 6: self = .scopeMissing
    case 7: self = .overLimit(.requests)
    case 8: self = .overLimit(.tokens)
    case 9: self = .overLimit(.speechSeconds)
    case 12: self = .addressNotAllowed
    default: throw UnknownDecision(code: decision)
    }
  }
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
