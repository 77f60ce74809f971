import KeymeterDomain

/// What the domain can ask of a transaction.
enum StoreCall: Sendable, Hashable {
  case organisation, organisations, enter, insertOrganisation, rename, deleteOrganisation
  case activeKey(RowLock)
  case touch, keyForUpdate, keys, insertKey, update, deleteKey, append, claim, keep, auditRecords
  case organisationHolding, keyHolding, holdChanges, isSuperseded, organisationFormerlyHolding, formerValue,
    noteReport, hasOtherActiveRoot, keysPage, rotate, revoke
}

/// A store that reports each call before it is made; where the report throws, the call fails.
struct ObservedStore: ManagementStore {
  let store: any ManagementStore
  let observe: @Sendable (StoreCall) throws -> Void

  func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      try await body(ObservedTransaction(inner: transaction, observe: observe))
    }
  }
}

private struct ObservedTransaction: ManagementTransaction {
  let inner: any ManagementTransaction
  let observe: @Sendable (StoreCall) throws -> Void

  func organisation(provider: ProviderID) async throws -> Organisation? {
    try observe(.organisation)
    return try await inner.organisation(provider: provider)
  }

  func organisations() async throws -> [Organisation] {
    try observe(.organisations)
    return try await inner.organisations()
  }

  func enter(_ organisation: OrganisationID) async throws {
    try observe(.enter)
    try await inner.enter(organisation)
  }

  func insert(
    organisation id: OrganisationID, provider: ProviderID, name: Label
  ) async throws -> Organisation {
    try observe(.insertOrganisation)
    return try await inner.insert(organisation: id, provider: provider, name: name)
  }

  func rename(to name: Label) async throws {
    try observe(.rename)
    try await inner.rename(to: name)
  }

  func deleteOrganisation() async throws {
    try observe(.deleteOrganisation)
    try await inner.deleteOrganisation()
  }

  func activeKey(_ hashes: [SecretHash], lock: RowLock) async throws -> APIKey? {
    try observe(.activeKey(lock))
    return try await inner.activeKey(hashes, lock: lock)
  }

  func touch(_ id: KeyID) async throws {
    try observe(.touch)
    try await inner.touch(id)
  }

  func keyForUpdate(_ id: KeyID) async throws -> APIKey? {
    try observe(.keyForUpdate)
    return try await inner.keyForUpdate(id)
  }

  func organisation(holding hashes: [SecretHash]) async throws -> OrganisationID? {
    try observe(.organisationHolding)
    return try await inner.organisation(holding: hashes)
  }

  func keyID(holding hashes: [SecretHash]) async throws -> KeyID? {
    try observe(.keyHolding)
    return try await inner.keyID(holding: hashes)
  }

  func holdChanges(of id: KeyID) async throws {
    try observe(.holdChanges)
    try await inner.holdChanges(of: id)
  }

  func isSuperseded(_ hashes: [SecretHash]) async throws -> Bool {
    try observe(.isSuperseded)
    return try await inner.isSuperseded(hashes)
  }

  func organisation(formerlyHolding hashes: [SecretHash]) async throws -> OrganisationID? {
    try observe(.organisationFormerlyHolding)
    return try await inner.organisation(formerlyHolding: hashes)
  }

  func formerValue(_ hashes: [SecretHash]) async throws -> FormerSecret? {
    try observe(.formerValue)
    return try await inner.formerValue(hashes)
  }

  func noteReport(ofFormerValue hashes: [SecretHash]) async throws -> Bool {
    try observe(.noteReport)
    return try await inner.noteReport(ofFormerValue: hashes)
  }

  func hasOtherActiveRoot(than id: KeyID) async throws -> Bool {
    try observe(.hasOtherActiveRoot)
    return try await inner.hasOtherActiveRoot(than: id)
  }

  func keys(_ filter: KeyFilter, after position: KeyPosition?, limit: Int) async throws -> [APIKey] {
    try observe(.keysPage)
    return try await inner.keys(filter, after: position, limit: limit)
  }

  func rotate(_ id: KeyID, to value: NewSecret, overlapSeconds: Int64) async throws -> APIKey {
    try observe(.rotate)
    return try await inner.rotate(id, to: value, overlapSeconds: overlapSeconds)
  }

  func revoke(_ id: KeyID) async throws -> APIKey {
    try observe(.revoke)
    return try await inner.revoke(id)
  }

  func keys() async throws -> [APIKey] {
    try observe(.keys)
    return try await inner.keys()
  }

  func insert(_ key: NewKey) async throws -> APIKey {
    try observe(.insertKey)
    return try await inner.insert(key)
  }

  func update(
    _ id: KeyID, friendlyName: Label, limits: MonthlyLimits, allowedAddresses: AddressList?
  ) async throws -> APIKey {
    try observe(.update)
    return try await inner.update(
      id, friendlyName: friendlyName, limits: limits, allowedAddresses: allowedAddresses)
  }

  func delete(_ id: KeyID) async throws {
    try observe(.deleteKey)
    try await inner.delete(id)
  }

  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) async throws -> [AuditRecord] {
    try observe(.auditRecords)
    return try await inner.auditRecords(query, of: organisation)
  }

  func claim(_ entry: IdempotencyEntry) async throws -> IdempotencyClaim {
    try observe(.claim)
    return try await inner.claim(entry)
  }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) async throws {
    try observe(.keep)
    try await inner.keep(answer, as: entry)
  }

  func append(_ entry: AuditEntry) async throws {
    try observe(.append)
    try await inner.append(entry)
  }
}
