import KeymeterDomain
import Postgres
import Synchronization

/// One open transaction and its tenant.
final class PostgresMeteringTransaction: MeteringTransaction {
  private let connection: Connection
  private let entered = Mutex<OrganisationID?>(nil)

  init(connection: Connection) { self.connection = connection }

  func identify(_ request: AdmissionRequest) async throws -> Admission {
    let row = try await connection.row(
      of: MeteringStatements.identify,
      [
        .byteaArray(request.hashes.map(\.bytes)), .text(request.provider?.rawValue), address(of: request),
      ])
    let tenant = OrganisationID(rawValue: try row.decode("entered", as: String.self))
    entered.withLock { $0 = tenant }
    return try Admission(row)
  }

  func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms
  ) async throws -> ReserveResult {
    let row = try await connection.row(
      of: MeteringStatements.reserve,
      [.text(id.rawValue)] + presented(request) + [
        .int4(Int32(clamping: terms.holdSeconds)), .text(terms.onExpiry.rawValue),
        address(of: request),
      ])
    switch try Admission(row) {
    case .refused(let refusal, let standing): return .refused(refusal, standing)
    case .admitted(let standing):
      return .reserved(id, expiresAt: try row.timestamp("expires_at"), standing)
    }
  }

  func record(_ request: AdmissionRequest, event: EventID?) async throws -> RecordResult {
    let row = try await connection.row(
      of: MeteringStatements.record,
      [.text(event?.rawValue)] + presented(request) + [address(of: request)])
    if try row.decode("differs", as: Bool.self) { return .differs }
    switch try Admission(row) {
    case .refused(let refusal, let standing): return .refused(refusal, standing)
    case .admitted(let standing):
      return .recorded(
        overLimit: try row.decode("over_limit", as: Bool.self),
        repeated: try row.decode("repeated", as: Bool.self), standing)
    }
  }

  func settle(
    _ id: ReservationID, of key: KeyID, in organisation: OrganisationID, amounts: Amounts
  ) async throws -> Settlement {
    try await enter(organisation)
    let row = try await connection.row(
      of: MeteringStatements.settle,
      [.text(organisation.rawValue), .text(key.rawValue), .text(id.rawValue)] + parameters(amounts))
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

  func isRoot(_ key: KeyID, in organisation: OrganisationID) async throws -> Bool? {
    try await enter(organisation)
    return try await rows(MeteringStatements.isRoot, [.text(organisation.rawValue), .text(key.rawValue)])
      .first?.decode("root", as: Bool.self)
  }

  func usage(of key: KeyID, in organisation: OrganisationID) async throws -> KeyUsage? {
    try await enter(organisation)
    return try await rows(MeteringStatements.usage, [.text(organisation.rawValue), .text(key.rawValue)])
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

  func owners(of keys: [KeyID], askedBy organisation: OrganisationID) async throws -> [OrganisationID?] {
    guard !keys.isEmpty else { return [] }
    return try await rows(
      MeteringStatements.owners, [.textArray(keys.map(\.rawValue)), .text(organisation.rawValue)]
    ).map { try $0.decode("organisation_id", as: String?.self).map { OrganisationID(rawValue: $0) } }
  }

  func dailyUsage(_ query: AnalyticsQuery, in organisation: OrganisationID) async throws -> [DailyUsage] {
    try await enter(organisation)
    var days: [DailyUsage] = []
    for part in query.parts {
      days += try await rows(
        MeteringStatements.dailyUsage,
        [
          .text(organisation.rawValue), .textArrayOrNull(part.keys?.map(\.rawValue)),
          .date(PostgresDate(daysSinceUnixEpoch: Int32(clamping: part.firstDay.daysSinceEpoch))),
          .date(PostgresDate(daysSinceUnixEpoch: Int32(clamping: part.lastDay.daysSinceEpoch))),
        ]
      ).map { row in DailyUsage(day: try row.day("day"), used: try row.amounts("")) }
    }
    return days
  }

  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) async throws -> [AuditRecord] {
    try await enter(organisation)
    return try await PostgresAuditLog(connection: connection).records(query, of: organisation)
  }

  func claim(_ entry: IdempotencyEntry) async throws -> IdempotencyClaim {
    try await enter(entry.organisationID)
    return try await PostgresIdempotencyLedger(connection: connection).claim(entry)
  }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) async throws {
    try await enter(entry.organisationID)
    try await PostgresIdempotencyLedger(connection: connection).keep(answer, as: entry)
  }

  /// Sets the tenant, unless identifying the caller has done so.
  private func enter(_ organisation: OrganisationID) async throws {
    guard entered.withLock({ $0 != organisation }) else { return }
    _ = try await rows(ManagementStatements.enter, [.text(organisation.rawValue)])
    entered.withLock { $0 = organisation }
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

  private func rows(_ statement: Statement, _ parameters: [Parameter]) async throws -> [Row] {
    try await connection.execute(statement, parameters).rows
  }
}

extension Row {
  fileprivate func day(_ column: String) throws -> CivilDate {
    CivilDate(daysSinceEpoch: Int64(try decode(column, as: PostgresDate.self).daysSinceUnixEpoch))
  }

  fileprivate func amounts(_ prefix: String) throws -> Amounts {
    Amounts(
      requests: try decode("\(prefix)requests", as: Int64.self),
      tokens: try decode("\(prefix)tokens", as: Int64.self),
      speechSeconds: try decode("\(prefix)stt_secs", as: Int64.self))
  }
}
