/// The store of organisations, keys, usage and the audit log.
///
/// Each unit of work is one transaction: it is complete and durable when the call returns, and has no effect
/// when it throws.
public protocol TenantStore: Sendable {
  /// Runs `body` in one transaction.
  ///
  /// `body` may run more than once, because the database may ask for a retry. Its only side effects must go
  /// through its argument.
  ///
  /// - Throws: What `body` throws, and `StoreError`.
  func withTransaction<Output: Sendable>(
    _ body: @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output
  /// Runs `body` in one transaction, for an analytics query that may take long.
  ///
  /// Implementations limit how many run at once, and cancel one that takes too long.
  ///
  /// - Throws: What `body` throws, and `StoreError`: also `unavailable` if too many queries wait or the time is over.
  func withAnalyticsTransaction<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output
}

/// What other transactions may do with a row until this one ends.
public enum RowLock: Sendable {
  /// They may change it.
  case none
  /// They can't revoke, rotate or delete it.
  case shared
}

/// The operations within one transaction.
///
/// `findKey`, `insert(organisation:…)` and `setTenant` set the tenant for the rest of the transaction. All calls except
/// those that look up or list organisations act on the tenant. Rows of other tenants are invisible to them.
public protocol TenantTransaction: IdempotencyLedger {
  // MARK: Organisations

  /// The organisation with this provider id.
  func organisation(provider: ProviderID) async throws -> Organisation?
  /// All organisations, by provider id.
  func organisations() async throws -> [Organisation]
  /// Sets the tenant for the rest of this transaction.
  func setTenant(_ organisation: OrganisationID) async throws
  /// Creates an organisation and sets it as the tenant.
  ///
  /// - Throws: `StoreError.providerTaken`.
  func insert(organisation id: OrganisationID, provider: ProviderID, name: Label) async throws -> Organisation
  /// Renames the tenant.
  func rename(to name: Label) async throws
  /// Deletes the tenant with its keys. Its audit entries are kept.
  func deleteOrganisation() async throws

  // MARK: Authentication

  /// Looks up a presented key of any status, and sets the tenant to its organisation.
  ///
  /// - Parameters:
  ///   - hashes: one for each active pepper.
  ///   - provider: the organisation that the key must belong to, or nil to accept any.
  ///   - lock: applied before the key is read, so what is read stays true.
  ///   - markUsed: also records the use, as `markUsed(_:)` does.
  func findKey(
    _ hashes: [SecretHash], provider: ProviderID?, lock: RowLock, markUsed: Bool
  ) async throws -> KeyLookup
  /// Records that a key has authenticated. May skip this if the last record is less than a minute old.
  func markUsed(_ id: KeyID) async throws

  // MARK: Keys

  /// Locks the organisation and the key until the transaction ends. The key need not exist.
  ///
  /// Other transactions that use this call to change or end any key of the organisation wait, as do changes
  /// requested with the key `id` itself.
  ///
  /// Call it before locking the caller and before `keyForUpdate`: the fixed lock order avoids deadlocks
  /// between keys that end each other.
  func lockKey(_ id: KeyID) async throws
  /// One key of any status, locked against changes by others until the transaction ends.
  func keyForUpdate(_ id: KeyID) async throws -> APIKey?
  /// Whether the organisation has an active root key other than `id`.
  func hasOtherActiveRoot(than id: KeyID) async throws -> Bool
  /// All keys, oldest first.
  func keys() async throws -> [APIKey]
  /// Up to `limit` keys that match the filter, oldest first, after `position`.
  func keys(_ filter: KeyFilter, after position: KeyPosition?, limit: Int) async throws -> [APIKey]
  /// Inserts a new key and its hash.
  ///
  /// - Throws: `StoreError.linkageTaken`, `StoreError.expiryNotInFuture`.
  func insert(_ key: NewKey) async throws -> APIKey
  /// Updates a key's name, limits and addresses.
  func update(
    _ id: KeyID, friendlyName: Label, limits: MonthlyLimits, allowedAddresses: AddressList?
  ) async throws -> APIKey
  /// Gives an active key a new secret.
  ///
  /// The old secret stays valid for `overlapSeconds` by the store's clock, and 0 ends it at once. All older
  /// secrets end now.
  func rotate(_ id: KeyID, to secret: NewSecret, overlapSeconds: Int64) async throws -> APIKey
  /// Revokes a key and ends all its secrets, but keeps its record. The key must not be revoked already.
  func revoke(_ id: KeyID) async throws -> APIKey
  /// Deletes a key and its secrets.
  func delete(_ id: KeyID) async throws

  // MARK: Leaked keys

  /// The organisation whose key is stored under one of `hashes`, regardless of its status. Needs no tenant.
  func organisation(forHashes hashes: [SecretHash]) async throws -> OrganisationID?
  /// The organisation of a key that had a secret under one of `hashes` before a rotation. Needs no tenant.
  func organisation(forFormerHashes hashes: [SecretHash]) async throws -> OrganisationID?
  /// The tenant's key that has a valid secret under one of `hashes`. A revoked key has none.
  func keyID(forHashes hashes: [SecretHash]) async throws -> KeyID?
  /// The tenant's rotated secret under one of `hashes`, whether or not it is still valid.
  func formerSecret(_ hashes: [SecretHash]) async throws -> FormerSecret?
  /// Records that a rotated secret was reported as leaked.
  ///
  /// Call it after `keyForUpdate` for its key, because deleting a key removes its former secrets last.
  ///
  /// - Returns: Whether this is the first report.
  func markReported(_ hashes: [SecretHash]) async throws -> Bool

  // MARK: Usage

  /// Judges and charges as `AdmissionControl.admit` does, and holds the amounts until they are settled.
  func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms
  ) async throws -> ReserveResult
  /// Counts what was already used. No limit rejects it.
  func record(_ request: AdmissionRequest, event: EventID?) async throws -> RecordResult
  /// Replaces reserved amounts with the true ones, in the month that was charged.
  func settle(_ id: ReservationID, of key: KeyID, amounts: Amounts) async throws -> Settlement
  /// A key's usage in the current month, or nil if the tenant has no such key.
  func usage(of key: KeyID) async throws -> KeyUsage?
  /// The organisation of each key, in the keys' order, or nil for an unknown id.
  ///
  /// A deleted key is known to its own organisation by its usage.
  func owners(of keys: [KeyID]) async throws -> [OrganisationID?]
  /// Usage per day, for the days with usage, in order.
  func dailyUsage(_ query: AnalyticsQuery) async throws -> [DailyUsage]

  // MARK: Audit

  /// Appends an entry to the audit log.
  ///
  /// It locks the tenant's log until the transaction ends, so append last.
  func append(_ entry: AuditEntry) async throws
  /// Entries of the tenant's log, newest first.
  ///
  /// Entries become visible in the order of their ids, so paging never skips or repeats one.
  func auditRecords(_ query: AuditQuery) async throws -> [AuditRecord]
}

/// Why a store did not do a unit of work.
public enum StoreError: Error, Sendable, Equatable {
  /// Another key of the organisation has this linkage.
  case linkageTaken
  /// Another organisation has this provider id.
  case providerTaken
  /// `expires_at` is not in the future by the database's clock.
  case expiryNotInFuture
  /// The database is unavailable. The work may or may not have been done.
  ///
  /// `reason` is for the log and contains no row values.
  case unavailable(reason: String)
}
