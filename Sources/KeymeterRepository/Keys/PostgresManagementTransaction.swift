import KeymeterDomain
import Postgres
import Synchronization

/// One open transaction and its tenant.
final class PostgresManagementTransaction: ManagementTransaction {
  private let connection: Connection
  private let entered = Mutex<OrganisationID?>(nil)

  init(connection: Connection) { self.connection = connection }

  func organisation(provider: ProviderID) async throws -> Organisation? {
    try await rows(ManagementStatements.organisationByProvider, [.text(provider.rawValue)])
      .first.map(Organisation.init(row:))
  }

  func organisations() async throws -> [Organisation] {
    try await rows(ManagementStatements.organisations, []).map(Organisation.init(row:))
  }

  func enter(_ organisation: OrganisationID) async throws {
    _ = try await rows(ManagementStatements.enter, [.text(organisation.rawValue)])
    entered.withLock { $0 = organisation }
  }

  func insert(
    organisation id: OrganisationID, provider: ProviderID, name: Label
  ) async throws -> Organisation {
    try await enter(id)
    do {
      _ = try await rows(
        ManagementStatements.insertDirectoryEntry, [.text(id.rawValue), .text(provider.rawValue)])
      return try Organisation(
        row: try await connection.row(
          of: ManagementStatements.insertOrganisation,
          [.text(id.rawValue), .text(provider.rawValue), .text(name.rawValue)]))
    } catch let error as PostgresError where error.violates("directory_pkey") {
      throw StoreError.providerTaken
    }
  }

  func rename(to name: Label) async throws {
    _ = try await rows(ManagementStatements.renameOrganisation, [tenant(), .text(name.rawValue)])
  }

  func deleteOrganisation() async throws {
    _ = try await rows(ManagementStatements.deleteDirectoryEntry, [tenant()])
    _ = try await rows(ManagementStatements.deleteOrganisation, [tenant()])
  }

  func activeKey(_ hashes: [SecretHash], lock: RowLock) async throws -> APIKey? {
    let statement =
      switch lock {
      case .none: ManagementStatements.activeKey
      case .shared: ManagementStatements.activeKeyShared
      }
    return try await rows(statement, [tenant(), .byteaArray(hashes.map(\.bytes))])
      .first.map(APIKey.init(row:))
  }

  func touch(_ id: KeyID) async throws {
    _ = try await rows(ManagementStatements.touchKey, [tenant(), .text(id.rawValue)])
  }

  func keyForUpdate(_ id: KeyID) async throws -> APIKey? {
    guard id.isWellFormed else { return nil }
    return try await rows(ManagementStatements.keyForUpdate, [tenant(), .text(id.rawValue)])
      .first.map(APIKey.init(row:))
  }

  func organisation(holding hashes: [SecretHash]) async throws -> OrganisationID? {
    try await rows(ManagementStatements.organisationHolding, [.byteaArray(hashes.map(\.bytes))])
      .first.map { OrganisationID(rawValue: try $0.decode("organisation_id", as: String.self)) }
  }

  func keyID(holding hashes: [SecretHash]) async throws -> KeyID? {
    try await rows(ManagementStatements.keyHolding, [tenant(), .byteaArray(hashes.map(\.bytes))])
      .first.map { KeyID(rawValue: try $0.decode("key_id", as: String.self)) }
  }

  func holdChanges(of id: KeyID) async throws {
    _ = try await rows(ManagementStatements.lockOrganisation, [tenant()])
    guard id.isWellFormed else { return }
    _ = try await rows(ManagementStatements.lockSecrets, [tenant(), .text(id.rawValue)])
  }

  func isSuperseded(_ hashes: [SecretHash]) async throws -> Bool {
    try await connection.row(
      of: ManagementStatements.isSuperseded, [tenant(), .byteaArray(hashes.map(\.bytes))]
    ).decode("found", as: Bool.self)
  }

  func organisation(formerlyHolding hashes: [SecretHash]) async throws -> OrganisationID? {
    try await rows(ManagementStatements.organisationFormerlyHolding, [.byteaArray(hashes.map(\.bytes))])
      .first.map { OrganisationID(rawValue: try $0.decode("organisation_id", as: String.self)) }
  }

  func formerValue(_ hashes: [SecretHash]) async throws -> FormerSecret? {
    try await rows(ManagementStatements.formerValue, [tenant(), .byteaArray(hashes.map(\.bytes))])
      .first.map(FormerSecret.init(row:))
  }

  func noteReport(ofFormerValue hashes: [SecretHash]) async throws -> Bool {
    let noted = try await rows(
      ManagementStatements.noteFormerReport, [tenant(), .byteaArray(hashes.map(\.bytes))])
    return !noted.isEmpty
  }

  func hasOtherActiveRoot(than id: KeyID) async throws -> Bool {
    try await connection.row(of: ManagementStatements.otherActiveRoot, [tenant(), .text(id.rawValue)])
      .decode("found", as: Bool.self)
  }

  func keys(_ filter: KeyFilter, after position: KeyPosition?, limit: Int) async throws -> [APIKey] {
    let createdAt = position.map {
      PostgresTimestamp(microsecondsSinceUnixEpoch: $0.createdAt.microseconds)
    }
    return try await rows(
      ManagementStatements.keysPage,
      [
        tenant(), .timestamptz(createdAt), .text(position?.id.rawValue),
        .text(filter.environment?.rawValue), .text(filter.status?.rawValue), .int8(Int64(limit)),
      ]
    ).map(APIKey.init(row:))
  }

  func keys() async throws -> [APIKey] {
    try await rows(ManagementStatements.keys, [tenant()]).map(APIKey.init(row:))
  }

  func insert(_ key: NewKey) async throws -> APIKey {
    do {
      let rows = try await rows(ManagementStatements.insertKey, parameters(of: key))
      guard let row = rows.first else { throw StoreError.expiryNotInFuture }
      _ = try await self.rows(
        ManagementStatements.insertSecret,
        [tenant(), .text(key.id.rawValue), .bytea(key.hash.bytes), .text(key.hash.pepperID)])
      return try APIKey(row: row)
    } catch let error as PostgresError where error.violates("api_keys_linkage_id_key") {
      throw StoreError.linkageTaken
    }
  }

  func update(
    _ id: KeyID, friendlyName: Label, limits: MonthlyLimits, allowedAddresses: AddressList?
  ) async throws -> APIKey {
    let key = try APIKey(
      row: try await connection.row(
        of: ManagementStatements.updateKey,
        [
          tenant(), .text(id.rawValue), .text(friendlyName.rawValue), .int8(limits.requests),
          .int8(limits.tokens), .int8(limits.speechSeconds), .cidrs(allowedAddresses),
        ]))
    _ = try await rows(ManagementStatements.fenceCounter, [tenant(), .text(id.rawValue)])
    return key
  }

  func rotate(_ id: KeyID, to value: NewSecret, overlapSeconds: Int64) async throws -> APIKey {
    let (tenant, key) = (try tenant(), Parameter.text(id.rawValue))
    let overlap = Parameter.int8(overlapSeconds)
    _ = try await rows(ManagementStatements.keepFormerSecret, [tenant, key])
    _ = try await rows(ManagementStatements.endFormerSecrets, [tenant, key, overlap])
    _ = try await rows(ManagementStatements.limitSecrets, [tenant, key, overlap])
    _ = try await rows(
      ManagementStatements.insertSecret,
      [tenant, key, .bytea(value.hash.bytes), .text(value.hash.pepperID)])
    let row = try await connection.row(of: ManagementStatements.hintKey, [tenant, key, .text(value.hint)])
    _ = try await rows(ManagementStatements.fenceCounter, [tenant, key])
    return try APIKey(row: row)
  }

  func revoke(_ id: KeyID) async throws -> APIKey {
    let (tenant, key) = (try tenant(), Parameter.text(id.rawValue))
    _ = try await rows(ManagementStatements.endSecrets, [tenant, key])
    let row = try await connection.row(of: ManagementStatements.revokeKey, [tenant, key])
    _ = try await rows(ManagementStatements.fenceCounter, [tenant, key])
    return try APIKey(row: row)
  }

  func delete(_ id: KeyID) async throws {
    _ = try await rows(ManagementStatements.deleteSecrets, [tenant(), .text(id.rawValue)])
    _ = try await rows(ManagementStatements.deleteKey, [tenant(), .text(id.rawValue)])
    _ = try await rows(ManagementStatements.fenceCounter, [tenant(), .text(id.rawValue)])
  }

  func append(_ entry: AuditEntry) async throws {
    _ = try await rows(ManagementStatements.appendAudit, AuditRow(entry).parameters)
  }

  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) async throws -> [AuditRecord] {
    try await PostgresAuditLog(connection: connection).records(query, of: organisation)
  }

  func claim(_ entry: IdempotencyEntry) async throws -> IdempotencyClaim {
    try await PostgresIdempotencyLedger(connection: connection).claim(entry)
  }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) async throws {
    try await PostgresIdempotencyLedger(connection: connection).keep(answer, as: entry)
  }

  private func parameters(of key: NewKey) throws -> [Parameter] {
    let draft = key.draft
    return [
      try tenant(), .text(key.id.rawValue), .text(draft.friendlyName.rawValue), .bool(key.root),
      .text(draft.environment.rawValue), .textArray(draft.scopes.map(\.rawValue)),
      .int8(draft.limits.requests), .int8(draft.limits.tokens), .int8(draft.limits.speechSeconds),
      .text(key.linkageID.rawValue), .text(key.hint),
      .timestamptz(
        draft.expiresAt.map { PostgresTimestamp(microsecondsSinceUnixEpoch: $0.microseconds) }),
      .cidrs(draft.allowedAddresses),
    ]
  }

  private func tenant() throws -> Parameter {
    guard let organisation = entered.withLock({ $0 }) else { throw TenantNotNamed() }
    return .text(organisation.rawValue)
  }

  private func rows(_ statement: Statement, _ parameters: [Parameter]) async throws -> [Row] {
    try await connection.execute(statement, parameters).rows
  }
}

extension Parameter {
  /// An address list as the texts of a `cidr[]`, or NULL for none.
  fileprivate static func cidrs(_ list: AddressList?) -> Parameter {
    .textArrayOrNull(list?.ranges.map(\.description))
  }
}

/// A bug in the caller: a tenant's statement ran before `enter`.
struct TenantNotNamed: Error {}

extension PostgresError {
  /// Whether it is a violation of the named constraint.
  ///
  /// Compares names, never messages.
  func violates(_ constraint: String) -> Bool { self.constraint == constraint }
}
