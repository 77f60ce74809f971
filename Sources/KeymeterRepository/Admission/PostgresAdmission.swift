import KeymeterDomain
public import Postgres

extension AdmissionBatcher {
  /// A batcher over PostgreSQL.
  ///
  /// - Parameters:
  ///   - pool: has as many connections as `options` has lanes, for nothing else; its statement time-out bounds how
  ///     long a request can wait.
  ///   - options: how the batcher is bounded.
  public convenience init(pool: ConnectionPool, options: Options = Options()) {
    let admission = PostgresAdmission(pool: pool)
    self.init(options: options) { try await admission.admit($0) }
  }
}

/// Runs one batch of admissions as one statement.
struct PostgresAdmission: Sendable {
  let pool: ConnectionPool

  /// How often a batch that PostgreSQL rolled back for another's sake is tried.
  private static let attempts = 4

  /// One answer a request, in order; all of it is committed and durable when this returns.
  ///
  /// - Throws: `StoreError.unavailable`; `PostgresError` for what should not happen, and then nothing was charged.
  func admit(_ requests: [AdmissionRequest]) async throws -> [Admission] {
    let parameters = Self.parameters(of: requests)
    var attempt = 1
    while true {
      do {
        let result = try await pool.withConnection { connection in
          try await connection.execute(AdmissionStatements.admit, parameters)
        }
        return try Self.admissions(result.rows, count: requests.count)
      } catch let error as PostgresError where error.isSerializationFailure && attempt < Self.attempts {
        attempt += 1
      } catch let error as PostgresError {
        throw StoreError.unavailability(error) ?? error
      }
    }
  }

  private static func parameters(of requests: [AdmissionRequest]) -> [Parameter] {
    [
      .byteaArray(requests.flatMap { $0.digests.map(\.bytes) }),
      optionalTexts(requests.map { $0.provider?.rawValue }),
      .int8Array(requests.map(\.charge.requests)),
      .int8Array(requests.map(\.charge.tokens)),
      .int8Array(requests.map(\.charge.speechSeconds)),
      optionalTexts(
        requests.map { request in
          request.requiredScopes.isEmpty ? nil : request.requiredScopes.map(\.rawValue).joined(separator: " ")
        }),
      optionalTexts(requests.map { $0.requiredEnvironment?.rawValue }),
    ]
  }

  private static func optionalTexts(_ texts: [String?]) -> Parameter { .textArray(texts) }

  private static func admissions(_ rows: [Row], count: Int) throws -> [Admission] {
    var admissions = [Admission?](repeating: nil, count: count)
    for row in rows {
      let position = Int(try row.decode(0, as: Int32.self))
      guard (1...count).contains(position) else { throw AnswersMissing() }
      admissions[position - 1] = try Admission(row)
    }
    return try admissions.map { admission in
      guard let admission else { throw AnswersMissing() }
      return admission
    }
  }
}

extension Admission {
  /// A row of `keymeter.admit`, by the decision codes that its file lists.
  init(_ row: Row) throws {
    switch try row.decode(1, as: Int32.self) {
    case 0: self = .admitted(try KeyStanding(row))
    case 1: self = .refused(.unknownProvider, nil)
    case 2: self = .refused(.unknownKey, nil)
    case 3: self = .refused(.revoked, try KeyStanding(row))
    case 4: self = .refused(.expired, try KeyStanding(row))
    case 5: self = .refused(.environmentMismatch, try KeyStanding(row))
    case 6: self = .refused(.scopeMissing, try KeyStanding(row))
    case 7: self = .refused(.overLimit(.requests), try KeyStanding(row))
    case 8: self = .refused(.overLimit(.tokens), try KeyStanding(row))
    case 9: self = .refused(.overLimit(.speechSeconds), try KeyStanding(row))
    case let code: throw UnknownDecision(code: code)
    }
  }
}

/// `keymeter.admit` answered a code that this binary does not know.
struct UnknownDecision: Error {
  let code: Int32
}

extension KeyStanding {
  fileprivate init(_ row: Row) throws {
    guard let environment = KeyEnvironment(rawValue: try row.decode(4, as: String.self)) else {
      throw UnknownStoredValue(column: "environment")
    }
    self.init(
      keyID: KeyID(rawValue: try row.decode(3, as: String.self)),
      organisationID: OrganisationID(rawValue: try row.decode(2, as: String.self)),
      environment: environment,
      scopes: try row.decode(5, as: [String].self).map(Scope.init(stored:)),
      limits: MonthlyLimits(
        requests: try row.decode(6, as: Int64?.self), tokens: try row.decode(7, as: Int64?.self),
        speechSeconds: try row.decode(8, as: Int64?.self)),
      used: Amounts(
        requests: try row.decode(9, as: Int64.self), tokens: try row.decode(10, as: Int64.self),
        speechSeconds: try row.decode(11, as: Int64.self)),
      judgedAt: Timestamp(
        microseconds: try row.decode(12, as: PostgresTimestamp.self).microsecondsSinceUnixEpoch))
  }
}
