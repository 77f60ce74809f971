import KeymeterDomain
import Synchronization

/// One transaction of the model: works on a copy that the store keeps if all goes well.
final class InMemoryTransaction: ManagementTransaction {
  private struct Work {
    var state: InMemoryState
    var tenant: OrganisationID?
  }

  private let work: Mutex<Work>
  private let now: Timestamp

  init(state: InMemoryState, now: Timestamp) {
    work = Mutex(Work(state: state, tenant: nil))
    self.now = now
  }

  var state: InMemoryState { work.withLock { $0.state } }

  func organisation(provider: ProviderID) -> Organisation? {
    state.organisations.values.first { $0.providerID == provider }
  }

  func organisations() -> [Organisation] {
    state.organisations.values.sorted { $0.providerID.rawValue < $1.providerID.rawValue }
  }

  func enter(_ organisation: OrganisationID) { work.withLock { $0.tenant = organisation } }

  func insert(
    organisation id: OrganisationID, provider: ProviderID, name: Label
  ) throws -> Organisation {
    enter(id)
    guard organisation(provider: provider) == nil else { throw StoreError.providerTaken }
    let organisation = Organisation(id: id, providerID: provider, name: name, createdAt: now)
    work.withLock { $0.state.organisations[id] = organisation }
    return organisation
  }

  func rename(to name: Label) throws {
    let tenant = try tenant()
    work.withLock { work in
      guard let old = work.state.organisations[tenant] else { return }
      work.state.organisations[tenant] = Organisation(
        id: old.id, providerID: old.providerID, name: name, createdAt: old.createdAt)
    }
  }

  func deleteOrganisation() throws {
    let tenant = try tenant()
    work.withLock { work in
      work.state.organisations[tenant] = nil
      work.state.keys[tenant] = nil
    }
  }

  func activeKey(_ hashes: [SecretHash], lock: RowLock) throws -> APIKey? {
    try stored().first { $0.value(of: hashes)?.isValid(at: now) ?? false }
      .map { try shown($0) }
      .flatMap { $0.status == .active ? $0 : nil }
  }

  func touch(_ id: KeyID) throws {
    try change(id) { key in
      if let last = key.lastUsedAt, last.advanced(bySeconds: 60) >= now { return }
      key.lastUsedAt = now
    }
  }

  func keyForUpdate(_ id: KeyID) throws -> APIKey? {
    guard id.isWellFormed else { return nil }
    return try stored().first { $0.id == id }.map { try shown($0) }
  }

  func organisation(holding hashes: [SecretHash]) -> OrganisationID? {
    state.keys.first { $0.value.contains { $0.value(of: hashes) != nil } }?.key
  }

  func keyID(holding hashes: [SecretHash]) throws -> KeyID? {
    try stored().first { $0.revokedAt == nil && $0.value(of: hashes)?.isValid(at: now) ?? false }?.id
  }

  /// Transactions run one at a time, so there is nothing to hold off.
  func holdChanges(of id: KeyID) throws { _ = try tenant() }

  func isSuperseded(_ hashes: [SecretHash]) throws -> Bool {
    try stored().contains { $0.value(of: hashes)?.validUntil != nil }
  }

  func organisation(formerlyHolding hashes: [SecretHash]) -> OrganisationID? {
    state.keys.first { $0.value.contains { $0.formerValue(of: hashes) != nil } }?.key
  }

  func formerValue(_ hashes: [SecretHash]) throws -> FormerSecret? {
    for key in try stored() {
      guard let place = key.formerValue(of: hashes) else { continue }
      return FormerSecret(keyID: key.id, supersededAt: key.formerValues[place].supersededAt)
    }
    return nil
  }

  func noteReport(ofFormerValue hashes: [SecretHash]) throws -> Bool {
    for key in try stored() {
      guard let place = key.formerValue(of: hashes), !key.formerValues[place].isReported else { continue }
      try change(key.id) { $0.formerValues[place].isReported = true }
      return true
    }
    return false
  }

  func hasOtherActiveRoot(than id: KeyID) throws -> Bool {
    try stored().contains { $0.root && $0.id != id && $0.status(at: now) == .active }
  }

  func keys(_ filter: KeyFilter, after position: KeyPosition?, limit: Int) throws -> [APIKey] {
    let found = try keys().filter { key in
      position.map { $0 < key.position } ?? true
        && filter.environment.map { $0 == key.environment } ?? true
        && filter.status.map { $0 == key.status } ?? true
    }
    return Array(found.prefix(limit))
  }

  func keys() throws -> [APIKey] {
    try stored().map { try shown($0) }
      .sorted { $0.position < $1.position }
  }

  func insert(_ key: NewKey) throws -> APIKey {
    if let expiry = key.draft.expiresAt, expiry <= now { throw StoreError.expiryNotInFuture }
    guard try !stored().contains(where: { $0.linkageID == key.linkageID }) else {
      throw StoreError.linkageTaken
    }
    let tenant = try tenant()
    let stored = StoredKey(key, at: now)
    work.withLock { $0.state.keys[tenant, default: []].append(stored) }
    return try shown(stored)
  }

  func update(
    _ id: KeyID, friendlyName: Label, limits: MonthlyLimits, allowedAddresses: AddressList?
  ) throws -> APIKey {
    try change(id) { key in
      key.friendlyName = friendlyName
      key.limits = limits
      key.allowedAddresses = allowedAddresses
    }
    guard let key = try keyForUpdate(id) else { throw NoSuchKey() }
    return key
  }

  func rotate(_ id: KeyID, to value: NewSecret, overlapSeconds: Int64) throws -> APIKey {
    try change(id) { key in
      key.formerValues += key.values.filter { $0.validUntil == nil }
        .map { StoredFormerValue(hash: $0.hash, supersededAt: now) }
      var former = key.values.filter { $0.validUntil == nil && overlapSeconds > 0 }
      for index in former.indices { former[index].validUntil = now.advanced(bySeconds: overlapSeconds) }
      key.values = former + [StoredValue(hash: value.hash)]
      key.hint = value.hint
    }
    guard let key = try keyForUpdate(id) else { throw NoSuchKey() }
    return key
  }

  func revoke(_ id: KeyID) throws -> APIKey {
    try change(id) { $0.revokedAt = now }
    guard let key = try keyForUpdate(id) else { throw NoSuchKey() }
    return key
  }

  func delete(_ id: KeyID) throws {
    let tenant = try tenant()
    work.withLock { $0.state.keys[tenant]?.removeAll { $0.id == id } }
  }

  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) -> [AuditRecord] {
    state.auditRecords(query, of: organisation)
  }

  func claim(_ entry: IdempotencyEntry) -> IdempotencyClaim { state.claim(entry, at: now) }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) throws {
    try work.withLock { try $0.state.keep(answer, as: entry, at: now) }
  }

  func append(_ entry: AuditEntry) {
    work.withLock { work in
      work.state.auditLog.append(entry)
      work.state.auditTimes.append(now)
    }
  }

  private func tenant() throws -> OrganisationID {
    guard let tenant = work.withLock({ $0.tenant }) else { throw TenantNotNamed() }
    return tenant
  }

  private func shown(_ key: StoredKey) throws -> APIKey { try state.shown(key, in: tenant(), at: now) }

  private func stored() throws -> [StoredKey] {
    let tenant = try tenant()
    return state.keys[tenant] ?? []
  }

  private func change(_ id: KeyID, _ body: (inout StoredKey) -> Void) throws {
    let tenant = try tenant()
    work.withLock { work in
      guard let index = work.state.keys[tenant]?.firstIndex(where: { $0.id == id }) else { return }
      body(&work.state.keys[tenant, default: []][index])
    }
  }
}

/// A statement that concerns a tenant came before `enter`.
struct TenantNotNamed: Error {}

/// A key was changed that is not there.
struct NoSuchKey: Error {}
