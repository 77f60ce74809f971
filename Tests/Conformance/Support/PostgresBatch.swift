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
    SELECT decision::integer AS decision, organisation_id, key_id, environment, scopes, limit_requests,
      limit_tokens, limit_stt_secs, used_requests, used_tokens, used_stt_secs, judged_at
    FROM keymeter.admit($1, $2, $3, $4, $5, $6, $7, 0::smallint, $8::text[]::inet[]) ORDER BY position
    """)

  private static func admission(_ row: Row) throws -> Admission {
    let refusals: [Int32: AdmissionRejection] = [
      1: .unknownProvider, 2: .unknownKey, 3: .revoked, 4: .expired, 5: .environmentMismatch,
      6: .scopeMissing, 7: .overLimit(.requests), 8: .overLimit(.tokens), 9: .overLimit(.speechSeconds),
      12: .addressNotAllowed,
    ]
    let decision = try row.decode("decision", as: Int32.self)
    guard decision != 0 else { return .admitted(try standing(row)) }
    guard let refusal = refusals[decision] else { throw UnexpectedAnswer() }
    return .refused(refusal, decision < 3 ? nil : try standing(row))
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

/// `keymeter.admit` returned an unexpected row.
private struct UnexpectedAnswer: Error {}
