import KeymeterDomain
import Postgres

/// Judges one batch in a fixed order by calling the SQL function directly.
///
/// Racing tasks could not fix the order.
struct PostgresBatch: Sendable {
  let pool: ConnectionPool

  func admit(_ requests: [AdmissionRequest]) async throws -> [Admission] {
    let scopes = requests.map { request in
      request.requiredScopes.isEmpty ? nil : request.requiredScopes.map(\.rawValue).joined(separator: " ")
    }
    let parameters: [Parameter] = [
      .byteaArray(requests.flatMap { $0.hashes.map(\.bytes) }),
      .textArray(requests.map { $0.provider?.rawValue }), .int8Array(requests.map(\.charge.requests)),
      .int8Array(requests.map(\.charge.tokens)), .int8Array(requests.map(\.charge.speechSeconds)),
      .textArray(scopes), .textArray(requests.map { $0.requiredEnvironment?.rawValue }),
      .textArray(requests.map { $0.address?.description }),
    ]
    return try await pool.withConnection { connection in
      try await connection.execute(Self.statement, parameters).rows.map(Self.admission)
    }
  }

  private static let statement = Statement(
    "test_admit",
    """
    SELECT decision, organisation_id, key_id, environment, scopes, limit_requests,
      limit_tokens, limit_stt_secs, used_requests, used_tokens, used_stt_secs, judged_at
    FROM keymeter.admit_many($1, $2, $3, $4, $5, $6, $7, $8::text[]::inet[]) ORDER BY position
    """)

  private static func admission(_ row: Row) throws -> Admission {
    let rejections: [String: AdmissionRejection] = [
      "revoked": .revoked, "expired": .expired, "address_not_allowed": .addressNotAllowed,
      "environment_mismatch": .environmentMismatch, "scope_missing": .scopeMissing,
      "over_limit_requests": .overLimit(.requests), "over_limit_tokens": .overLimit(.tokens),
      "over_limit_stt_secs": .overLimit(.speechSeconds),
    ]
    switch try row.decode("decision", as: String.self) {
    case "admitted": return .admitted(try standing(row))
    case "unknown_provider": return .rejected(.unknownProvider, nil)
    case "unknown_key": return .rejected(.unknownKey, nil)
    case let decision:
      guard let rejection = rejections[decision] else { throw UnexpectedAnswer() }
      return .rejected(rejection, try standing(row))
    }
  }

  private static func standing(_ row: Row) throws -> KeyUsageSnapshot {
    guard let environment = KeyEnvironment(rawValue: try row.decode("environment", as: String.self)) else {
      throw UnexpectedAnswer()
    }
    return KeyUsageSnapshot(
      keyID: KeyID(rawValue: try row.decode("key_id", as: String.self)),
      organisationID: OrganisationID(rawValue: try row.decode("organisation_id", as: String.self)),
      environment: environment,
      scopes: try row.decode("scopes", as: [String].self).map(Scope.init(stored:)),
      limits: MonthlyLimits(
        requests: try row.decode("limit_requests", as: Int64?.self),
        tokens: try row.decode("limit_tokens", as: Int64?.self),
        speechSeconds: try row.decode("limit_stt_secs", as: Int64?.self)),
      used: Amounts(
        requests: try row.decode("used_requests", as: Int64.self),
        tokens: try row.decode("used_tokens", as: Int64.self),
        speechSeconds: try row.decode("used_stt_secs", as: Int64.self)),
      judgedAt: Timestamp(
        microseconds: try row.decode("judged_at", as: PostgresTimestamp.self).microsecondsSinceUnixEpoch))
  }
}

/// `admit_many` returned an unexpected row.
private struct UnexpectedAnswer: Error {}
