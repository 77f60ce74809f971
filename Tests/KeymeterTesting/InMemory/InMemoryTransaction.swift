import KeymeterDomain
import Synchronization

/// A call that a test may observe or fail.
public enum StoreCall: Sendable, Hashable {
  case append, claim, deleteOrganisation, findKey, insertKey, insertOrganisation, keep, lockKey, markUsed
  case organisationForHashes, revoke, update
}

/// One transaction of the fake.
///
/// It changes a copy, which the store keeps on success.
final class InMemoryTransaction: TenantTransaction {
  private struct Work {
    var state: InMemoryState
    var tenant: OrganisationID?
  }

  private let work: Mutex<Work>
  private let now: Timestamp
  private let observer: (@Sendable (StoreCall) throws -> Void)?

  init(state: InMemoryState, now: Timestamp, observer: (@Sendable (StoreCall) throws -> Void)?) {
    work = Mutex(Work(state: state, tenant: nil))
    self.now = now
    self.observer = observer
  }

  var state: InMemoryState { work.withLock { $0.state } }

  func organisation(provider: ProviderID) -> Organisation? {
    state.organisations.values.first { $0.providerID == provider }
  }

  func organisations() -> [Organisation] {
    state.organisations.values.sorted { $0.providerID.rawValue < $1.providerID.rawValue }
  }

  func setTenant(_ organisation: OrganisationID) { work.withLock { $0.tenant = organisation } }

  func insert(
    organisation id: OrganisationID, provider: ProviderID, name: Label
  ) throws -> Organisation {
    try observer?(.insertOrganisation)
    setTenant(id)
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
    try observer?(.deleteOrganisation)
    let tenant = try tenant()
    work.withLock { work in
      work.state.organisations[tenant] = nil
      work.state.keys[tenant] = nil
    }
  }

  func findKey(
    _ hashes: [SecretHash], provider: ProviderID?, lock: RowLock, markUsed: Bool
  ) throws -> KeyLookup {
    try observer?(.findKey)
    if let provider, organisation(provider: provider) == nil { return .unknownProvider }
    let state = state
    for (organisation, keys) in state.keys {
      if let provider, state.organisations[organisation]?.providerID != provider { continue }
      guard let (key, value) = keys.lazy.compactMap({ key in key.value(of: hashes).map { (key, $0) } }).first
      else { continue }
      setTenant(organisation)
      let found = PresentedKey(
        key: state.shown(key, in: organisation, at: now),
        secretHasEnded: key.revokedAt != nil || !value.isValid(at: now),
        isSuperseded: value.validUntil != nil,
        used: state.standing(of: key, in: organisation, at: now).used, readAt: now)
      if markUsed { try mark(key.id) }
      return .found(found)
    }
    return .unknownKey
  }

  func markUsed(_ id: KeyID) throws {
    try observer?(.markUsed)
    try mark(id)
  }

  private func mark(_ id: KeyID) throws {
    try change(id) { key in
      if let last = key.lastUsedAt, last.advanced(bySeconds: 60) >= now { return }
      key.lastUsedAt = now
    }
  }

  func keyForUpdate(_ id: KeyID) throws -> APIKey? {
    guard id.isWellFormed else { return nil }
    return try stored().first { $0.id == id }.map { try shown($0) }
  }

  func organisation(forHashes hashes: [SecretHash]) throws -> OrganisationID? {
    try observer?(.organisationForHashes)
    return state.keys.first { $0.value.contains { $0.value(of: hashes) != nil } }?.key
  }

  func keyID(forHashes hashes: [SecretHash]) throws -> KeyID? {
    try stored().first { $0.revokedAt == nil && $0.value(of: hashes)?.isValid(at: now) ?? false }?.id
  }

  /// Transactions run one at a time, so there is nothing to lock.
  func lockKey(_ id: KeyID) throws {
    try observer?(.lockKey)
    _ = try tenant()
  }

  func organisation(forFormerHashes hashes: [SecretHash]) -> OrganisationID? {
    state.keys.first { $0.value.contains { $0.formerValue(of: hashes) != nil } }?.key
  }

  func formerSecret(_ hashes: [SecretHash]) throws -> FormerSecret? {
    for key in try stored() {
      guard let place = key.formerValue(of: hashes) else { continue }
      return FormerSecret(keyID: key.id, supersededAt: key.formerValues[place].supersededAt)
    }
    return nil
  }

  func markReported(_ hashes: [SecretHash]) throws -> Bool {
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
    try observer?(.insertKey)
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
    try observer?(.update)
    try change(id) { key in
      key.friendlyName = friendlyName
      key.limits = limits
      key.allowedAddresses = allowedAddresses
    }
    guard let key = try keyForUpdate(id) else { throw NoSuchKey() }
    return key
  }

  func rotate(_ id: KeyID, to secret: NewSecret, overlapSeconds: Int64) throws -> APIKey {
    try change(id) { key in
      key.formerValues += key.values.filter { $0.validUntil == nil }
        .map { StoredFormerValue(hash: $0.hash, supersededAt: now) }
      var former = key.values.filter { $0.validUntil == nil && overlapSeconds > 0 }
      for index in former.indices { former[index].validUntil = now.advanced(bySeconds: overlapSeconds) }
      key.values = former + [StoredValue(hash: secret.hash)]
      key.hint = secret.hint
    }
    guard let key = try keyForUpdate(id) else { throw NoSuchKey() }
    return key
  }

  func revoke(_ id: KeyID) throws -> APIKey {
    try observer?(.revoke)
    try change(id) { $0.revokedAt = now }
    guard let key = try keyForUpdate(id) else { throw NoSuchKey() }
    return key
  }

  func delete(_ id: KeyID) throws {
    let tenant = try tenant()
    work.withLock { $0.state.keys[tenant]?.removeAll { $0.id == id } }
  }

  func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms
  ) throws -> ReserveResult {
    try work.withLock { try $0.state.reserve(id, request, terms, at: now) }
  }

  func record(_ request: AdmissionRequest, event: EventID?) throws -> RecordResult {
    try work.withLock { try $0.state.record(request, event: event, at: now) }
  }

  func settle(_ id: ReservationID, of key: KeyID, amounts: Amounts) throws -> Settlement {
    let tenant = try tenant()
    return work.withLock { $0.state.settle(id, of: key, in: tenant, amounts: amounts, at: now) }
  }

  func usage(of key: KeyID) throws -> KeyUsage? { state.usage(of: key, in: try tenant(), at: now) }

  func owners(of keys: [KeyID]) throws -> [OrganisationID?] {
    let tenant = try tenant()
    return keys.map { state.owner(of: $0, askedBy: tenant) }
  }

  func dailyUsage(_ query: AnalyticsQuery) throws -> [DailyUsage] {
    state.dailyUsage(query, in: try tenant())
  }

  func auditRecords(_ query: AuditQuery) throws -> [AuditRecord] {
    state.auditRecords(query, of: try tenant())
  }

  func claim(_ entry: IdempotencyEntry) throws -> IdempotencyClaim {
    try observer?(.claim)
    return state.claim(entry, at: now)
  }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) throws {
    try observer?(.keep)
    try work.withLock { try $0.state.keep(answer, as: entry, at: now) }
  }

  func append(_ entry: AuditEntry) throws {
    try observer?(.append)
    work.withLock { work in
      work.state.auditLog.append(entry)
      work.state.auditTimes.append(now)
    }
  }

  private func tenant() throws -> OrganisationID {
    guard let tenant = work.withLock({ $0.tenant }) else { throw TenantNotSet() }
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

/// A tenant's operation came before `setTenant`.
struct TenantNotSet: Error {}

/// A change of an unknown key.
struct NoSuchKey: Error {}
