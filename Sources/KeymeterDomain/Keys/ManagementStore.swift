/// The store of organisations, keys and the audit log.
///
/// Each unit of work is one transaction: it is complete and durable when the call returns, and has no effect
/// when it throws.
public protocol ManagementStore: Sendable {
  /// Runs `body` in one transaction.
  ///
  /// `body` may run more than once, because the database may ask for a retry. Its only side effects must go
  /// through its argument.
  ///
  /// - Throws: What `body` throws, and `StoreError`.
  func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
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
/// All calls except those that look up or list organisations act on the organisation set by `enter`. Rows of
/// other tenants are invisible to them.
public protocol ManagementTransaction: IdempotencyLedger, AuditReading {
  /// The organisation with this provider id.
  func organisation(provider: ProviderID) async throws -> Organisation?
  /// All organisations, by provider id.
  func organisations() async throws -> [Organisation]
  /// Sets the tenant for the rest of this transaction.
  func enter(_ organisation: OrganisationID) async throws

  /// Creates an organisation and sets it as the tenant.
  ///
  /// - Throws: `StoreError.providerTaken`.
  func insert(organisation id: OrganisationID, provider: ProviderID, name: Label) async throws -> Organisation
  /// Renames the current organisation.
  func rename(to name: Label) async throws
  /// Deletes the current organisation with its keys. Its audit entries are kept.
  func deleteOrganisation() async throws

  /// The ACTIVE key of the current organisation that is stored under one of `hashes`.
  func activeKey(_ hashes: [SecretHash], lock: RowLock) async throws -> APIKey?
  /// Records that a key has authenticated. May skip this if the last record is less than a minute old.
  func touch(_ id: KeyID) async throws
  /// One key of any status, locked against changes by others until the transaction ends.
  func keyForUpdate(_ id: KeyID) async throws -> APIKey?
  /// The organisation whose key is stored under one of `hashes`, regardless of its status. Works without
  /// `enter`.
  func organisation(holding hashes: [SecretHash]) async throws -> OrganisationID?
  /// The key of the current organisation that has a valid secret under one of `hashes`. A revoked key has
  /// none.
  func keyID(holding hashes: [SecretHash]) async throws -> KeyID?
  /// Locks the organisation and the key until the transaction ends. The key need not exist.
  ///
  /// Other transactions that use this call to change or end any key of the organisation wait, as do changes
  /// requested with the key `id` itself.
  ///
  /// Call it before locking the caller and before `keyForUpdate`: the fixed lock order avoids deadlocks
  /// between keys that end each other.
  func holdChanges(of id: KeyID) async throws
  /// Whether one of `hashes` belongs to a secret that a rotation has replaced, even if it is still valid.
  ///
  /// The result can't change after `holdChanges`.
  func isSuperseded(_ hashes: [SecretHash]) async throws -> Bool
  /// The organisation of a key that had a secret under one of `hashes` before a rotation. Works without
  /// `enter`.
  func organisation(formerlyHolding hashes: [SecretHash]) async throws -> OrganisationID?
  /// The rotated secret of the current organisation under one of `hashes`, whether or not it is still valid.
  func formerValue(_ hashes: [SecretHash]) async throws -> FormerSecret?
  /// Records that a rotated secret was reported as leaked.
  ///
  /// Call it after `keyForUpdate` for its key, because deleting a key removes its former secrets last.
  ///
  /// - Returns: Whether this is the first report.
  func noteReport(ofFormerValue hashes: [SecretHash]) async throws -> Bool
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
  func rotate(_ id: KeyID, to value: NewSecret, overlapSeconds: Int64) async throws -> APIKey
  /// Revokes a key and ends all its secrets, but keeps its record. The key must not be revoked already.
  func revoke(_ id: KeyID) async throws -> APIKey
  /// Deletes a key and its secrets.
  func delete(_ id: KeyID) async throws

  /// Appends an entry to the audit log.
  func append(_ entry: AuditEntry) async throws
}

/// A key to insert.
public struct NewKey: Sendable {
  /// The key's id.
  public let id: KeyID
  /// Whether it is a root key.
  public let root: Bool
  /// The request.
  public let draft: KeyDraft
  /// The linkage, requested or generated.
  public let linkageID: Label
  /// The hash that is stored instead of the secret.
  public let hash: SecretHash
  /// The prefix and last four characters of the secret.
  public let hint: String

  /// Creates a key to insert.
  public init(
    id: KeyID, root: Bool, draft: KeyDraft, linkageID: Label, hash: SecretHash, hint: String
  ) {
    self.id = id
    self.root = root
    self.draft = draft
    self.linkageID = linkageID
    self.hash = hash
    self.hint = hint
  }
}

/// A key's new secret, as it is stored.
public struct NewSecret: Sendable {
  /// The hash that is stored instead of the secret.
  public let hash: SecretHash
  /// The prefix and last four characters of the secret.
  public let hint: String

  /// Creates a secret to store.
  public init(hash: SecretHash, hint: String) {
    self.hash = hash
    self.hint = hint
  }
}

/// A secret that a rotation has replaced.
public struct FormerSecret: Sendable, Hashable {
  /// The key that it belonged to.
  public let keyID: KeyID
  /// When it was replaced.
  public let supersededAt: Timestamp

  /// Creates a former secret from a stored row.
  public init(keyID: KeyID, supersededAt: Timestamp) {
    self.keyID = keyID
    self.supersededAt = supersededAt
  }
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
