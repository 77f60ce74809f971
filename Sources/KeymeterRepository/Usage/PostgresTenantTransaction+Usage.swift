import KeymeterDomain
import Postgres

extension PostgresTenantTransaction {
  func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms
  ) async throws -> ReserveResult {
    let row = try await row(
      UsageStatements.reserve,
      [.text(id.rawValue)] + presented(request) + [
        .int4(Int32(clamping: terms.holdSeconds)), .text(terms.onExpiry.rawValue),
        address(of: request),
      ])
    switch try Admission(row) {
    case .rejected(let rejection, let standing): return .rejected(rejection, standing)
    case .admitted(let standing):
      return .reserved(id, expiresAt: try row.timestamp("expires_at"), standing)
    }
  }

  func record(_ request: AdmissionRequest, event: EventID?) async throws -> RecordResult {
    let row = try await row(
      UsageStatements.record,
      [.text(event?.rawValue)] + presented(request) + [address(of: request)])
    if try row.decode("differs", as: Bool.self) { return .differs }
    switch try Admission(row) {
    case .rejected(let rejection, let standing): return .rejected(rejection, standing)
    case .admitted(let standing):
      return .recorded(
        overLimit: try row.decode("over_limit", as: Bool.self),
        repeated: try row.decode("repeated", as: Bool.self), standing)
    }
  }

  func settle(_ id: ReservationID, of key: KeyID, amounts: Amounts) async throws -> Settlement {
    let row = try await row(
      UsageStatements.settle,
      [tenantParameter(), .text(key.rawValue), .text(id.rawValue)] + parameters(amounts))
    switch try row.decode("outcome", as: String.self) {
    case "settled":
      return .settled(
        overLimit: try row.decode("over_limit", as: Bool.self),
        period: Period(containing: try row.day("month")), used: try row.amounts("used_"))
    case "unknown": return .unknown
    case "settled_otherwise": return .settledOtherwise
    case "expired": return .expired
    case "overflow": return .overflow
    case let outcome: throw UnknownDecision(decision: outcome)
    }
  }

  func usage(of key: KeyID) async throws -> KeyUsage? {
    let organisation = try tenant
    return try await rows(UsageStatements.usage, [.text(organisation.rawValue), .text(key.rawValue)])
      .first.map { row in
        let standing = KeyUsageSnapshot(
          keyID: key, organisationID: organisation,
          environment: try row.raw("environment", as: KeyEnvironment.self),
          scopes: try row.decode("scopes", as: [String].self).map(Scope.init(stored:)),
          limits: MonthlyLimits(
            requests: try row.decode("limit_requests", as: Int64?.self),
            tokens: try row.decode("limit_tokens", as: Int64?.self),
            speechSeconds: try row.decode("limit_stt_secs", as: Int64?.self)),
          used: try row.amounts("used_"), judgedAt: try row.timestamp("judged_at"))
        return KeyUsage(standing: standing, reserved: try row.amounts("reserved_"))
      }
  }

  func owners(of keys: [KeyID]) async throws -> [OrganisationID?] {
    guard !keys.isEmpty else { return [] }
    return try await rows(
      UsageStatements.owners, [.textArray(keys.map(\.rawValue)), tenantParameter()]
    ).map { try $0.decode("organisation_id", as: String?.self).map { OrganisationID(rawValue: $0) } }
  }

  func dailyUsage(_ query: AnalyticsQuery) async throws -> [DailyUsage] {
    var days: [DailyUsage] = []
    for part in query.parts {
      days += try await rows(
        UsageStatements.dailyUsage,
        [
          tenantParameter(), .textArrayOrNull(part.keys?.map(\.rawValue)),
          .date(PostgresDate(daysSinceUnixEpoch: Int32(clamping: part.firstDay.daysSinceEpoch))),
          .date(PostgresDate(daysSinceUnixEpoch: Int32(clamping: part.lastDay.daysSinceEpoch))),
        ]
      ).map { row in DailyUsage(day: try row.day("day"), used: try row.amounts("")) }
    }
    return days
  }

  private func presented(_ request: AdmissionRequest) -> [Parameter] {
    [.byteaArray(request.hashes.map(\.bytes)), .text(request.provider?.rawValue)]
      + parameters(request.charge)
  }

  private func address(of request: AdmissionRequest) -> Parameter {
    .inet(request.address.map { PostgresInet($0) })
  }

  private func parameters(_ amounts: Amounts) -> [Parameter] {
    [.int8(amounts.requests), .int8(amounts.tokens), .int8(amounts.speechSeconds)]
  }
}

extension Row {
  fileprivate func day(_ column: String) throws -> CivilDate {
    CivilDate(daysSinceEpoch: Int64(try decode(column, as: PostgresDate.self).daysSinceUnixEpoch))
  }

  func amounts(_ prefix: String) throws -> Amounts {
    Amounts(
      requests: try decode("\(prefix)requests", as: Int64.self),
      tokens: try decode("\(prefix)tokens", as: Int64.self),
      speechSeconds: try decode("\(prefix)stt_secs", as: Int64.self))
  }
}
