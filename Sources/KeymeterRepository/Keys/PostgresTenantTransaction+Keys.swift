import KeymeterDomain
import Postgres

extension PostgresTenantTransaction {
  func findKey(
    _ hashes: [SecretHash], provider: ProviderID?, lock: RowLock, markUsed: Bool
  ) async throws -> KeyLookup {
    let row = try await row(
      KeyStatements.authenticate,
      [
        .byteaArray(hashes.map(\.bytes)), .text(provider?.rawValue), .bool(lock == .shared), .bool(markUsed),
      ])
    guard try row.decode("provider_known", as: Bool.self) else { return .unknownProvider }
    guard try row.decode("key_id", as: String?.self) != nil else { return .unknownKey }
    let key = try APIKey(row: row)
    tenantIsSet(to: key.organisationID)
    return .found(
      PresentedKey(
        key: key, secretHasEnded: try row.decode("secret_ended", as: Bool.self),
        isSuperseded: try row.decode("superseded", as: Bool.self), used: try row.amounts("used_"),
        readAt: try row.timestamp("read_at")))
  }

  func markUsed(_ id: KeyID) async throws {
    _ = try await rows(KeyStatements.markUsed, [tenantParameter(), .text(id.rawValue)])
  }

  func lockKey(_ id: KeyID) async throws {
    // An id that a client made up may hold what PostgreSQL rejects in a text.
    let id = id.isWellFormed ? id.rawValue : ""
    _ = try await rows(KeyStatements.lockKey, [tenantParameter(), .text(id)])
  }

  func keyForUpdate(_ id: KeyID) async throws -> APIKey? {
    guard id.isWellFormed else { return nil }
    return try await rows(KeyStatements.keyForUpdate, [tenantParameter(), .text(id.rawValue)])
      .first.map(APIKey.init(row:))
  }

  func hasOtherActiveRoot(than id: KeyID) async throws -> Bool {
    try await row(KeyStatements.otherActiveRoot, [tenantParameter(), .text(id.rawValue)])
      .decode("found", as: Bool.self)
  }

  func keys(_ filter: KeyFilter, after position: KeyPosition?, limit: Int) async throws -> [APIKey] {
    try await rows(
      KeyStatements.keysPage,
      [
        tenantParameter(), .timestamptz(position.map { PostgresTimestamp($0.createdAt) }),
        .text(position?.id.rawValue), .text(filter.environment?.rawValue), .text(filter.status?.rawValue),
        .int8(Int64(limit)),
      ]
    ).map(APIKey.init(row:))
  }

  func keys() async throws -> [APIKey] {
    try await rows(KeyStatements.keys, [tenantParameter()]).map(APIKey.init(row:))
  }

  func insert(_ key: NewKey) async throws -> APIKey {
    let draft = key.draft
    do {
      let rows = try await rows(
        KeyStatements.insertKey,
        [
          tenantParameter(), .text(key.id.rawValue), .text(draft.friendlyName.rawValue), .bool(key.root),
          .text(draft.environment.rawValue), .textArray(draft.scopes.map(\.rawValue)),
          .int8(draft.limits.requests), .int8(draft.limits.tokens), .int8(draft.limits.speechSeconds),
          .text(key.linkageID.rawValue), .text(key.hint),
          .timestamptz(draft.expiresAt.map { PostgresTimestamp($0) }), .cidrs(draft.allowedAddresses),
          .bytea(key.hash.bytes), .text(key.hash.pepperID),
        ])
      guard let row = rows.first else { throw StoreError.expiryNotInFuture }
      return try APIKey(row: row)
    } catch let error as PostgresError where error.violates("api_keys_linkage_id_key") {
      throw StoreError.linkageTaken
    }
  }

  func update(
    _ id: KeyID, friendlyName: Label, limits: MonthlyLimits, allowedAddresses: AddressList?
  ) async throws -> APIKey {
    try APIKey(
      row: try await row(
        KeyStatements.updateKey,
        [
          tenantParameter(), .text(id.rawValue), .text(friendlyName.rawValue), .int8(limits.requests),
          .int8(limits.tokens), .int8(limits.speechSeconds), .cidrs(allowedAddresses),
        ]))
  }

  func rotate(_ id: KeyID, to secret: NewSecret, overlapSeconds: Int64) async throws -> APIKey {
    try APIKey(
      row: try await row(
        KeyStatements.rotateKey,
        [
          tenantParameter(), .text(id.rawValue), .bytea(secret.hash.bytes), .text(secret.hash.pepperID),
          .text(secret.hint), .int8(overlapSeconds),
        ]))
  }

  func revoke(_ id: KeyID) async throws -> APIKey {
    try APIKey(row: try await row(KeyStatements.revokeKey, [tenantParameter(), .text(id.rawValue)]))
  }

  func delete(_ id: KeyID) async throws {
    _ = try await rows(KeyStatements.deleteKey, [tenantParameter(), .text(id.rawValue)])
  }
}

extension Parameter {
  /// An address list as the texts of a `cidr[]`, or NULL for none.
  fileprivate static func cidrs(_ list: AddressList?) -> Parameter {
    .textArrayOrNull(list?.ranges.map(\.description))
  }
}
