/// Where organisations, keys and the audit log live.
///
/// A store runs each unit of work in one transaction: all of it is done and durable when the call returns,
/// none of it when it throws.
public protocol ManagementStore: Sendable {
  /// Runs `body` in one transaction.
  ///
  /// `body` may run more than once, when the database asks for a transaction to be tried again; it must do
  /// nothing that can't be undone except through its argument.
  ///
  /// - Throws: what `body` throws, and `StoreError`.
  func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output
}

/// How a row that is read may be changed by others until the transaction ends.
public enum RowLock: Sendable {
  /// Others may change it.
  case none
  /// Nobody revokes, rotates or deletes it before this transaction ends.
  case shared
}

/// The work that can be done inside one transaction.
///
/// All calls but those that look up or list organisations concern the organisation that `enter` named;
/// another tenant's rows don't exist for them.
public protocol ManagementTransaction: IdempotencyLedger, AuditReading {
  /// The organisation with this provider id.
  func organisation(provider: ProviderID) async throws -> Organisation?
  /// Every organisation, by provider id.
  func organisations() async throws -> [Organisation]
  /// Names the tenant of all that follows in this transaction.
  func enter(_ organisation: OrganisationID) async throws

  /// Makes an organisation and enters it.
  ///
  /// - Throws: `StoreError.providerTaken`.
  func insert(organisation id: OrganisationID, provider: ProviderID, name: Label) async throws -> Organisation
  /// Gives the entered organisation another name.
  func rename(to name: Label) async throws
  /// Removes the entered organisation with its keys. Its audit entries stay.
  func deleteOrganisation() async throws

  /// The ACTIVE key of the entered organisation that is stored under one of `hashes`.
  func activeKey(_ hashes: [SecretHash], lock: RowLock) async throws -> APIKey?
  /// Notes that a key authenticated just now; may skip it when the last note is less than a minute old.
  func touch(_ id: KeyID) async throws
  /// One key, whatever its status, locked against any change by others until the transaction ends.
  func keyForUpdate(_ id: KeyID) async throws -> APIKey?
  /// The organisation whose key is stored under one of `hashes`, whatever the key's status; needs no `enter`.
  func organisation(holding hashes: [SecretHash]) async throws -> OrganisationID?
  /// The key of the entered organisation that has a value under one of `hashes` which has not ended; of a revoked key
  /// every value has.
  func keyID(holding hashes: [SecretHash]) async throws -> KeyID?
  /// Holds off, until the transaction ends, whatever else changes or ends a key of the organisation by this call, and
  /// everything that the key `id` itself asks for; the key need not exist.
  ///
  /// Comes before the caller's lock and before `keyForUpdate`, so that keys which end one another wait in one
  /// order rather than in a circle.
  func holdChanges(of id: KeyID) async throws
  /// Whether one of `hashes` is of a value that a rotation has replaced, and may have left valid for a while.
  ///
  /// Stays true or false from `holdChanges` on.
  func isSuperseded(_ hashes: [SecretHash]) async throws -> Bool
  /// The organisation of a key that had one of `hashes` for a value before a rotation; needs no `enter`.
  func organisation(formerlyHolding hashes: [SecretHash]) async throws -> OrganisationID?
  /// The value of the entered organisation that has one of `hashes` and that a rotation has replaced, whether or not
  /// it still authenticates.
  func formerValue(_ hashes: [SecretHash]) async throws -> FormerSecret?
  /// Notes that such a value was reported to have been found in public.
  ///
  /// Comes behind `keyForUpdate` of its key, as the deletion of a key removes its former values last.
  ///
  /// - Returns: whether it hadn't been noted before.
  func noteReport(ofFormerValue hashes: [SecretHash]) async throws -> Bool
  /// Whether another key than `id` is an active root key of the organisation.
  func hasOtherActiveRoot(than id: KeyID) async throws -> Bool
  /// Every key, oldest first.
  func keys() async throws -> [APIKey]
  /// At most `limit` keys that pass the filter, from the oldest on, those up to and at `position` left out.
  func keys(_ filter: KeyFilter, after position: KeyPosition?, limit: Int) async throws -> [APIKey]
  /// Writes a new key and its hash.
  ///
  /// - Throws: `StoreError.linkageTaken`, `StoreError.expiryNotInFuture`.
  func insert(_ key: NewKey) async throws -> APIKey
  /// Writes a key's name, limits and addresses.
  func update(
    _ id: KeyID, friendlyName: Label, limits: MonthlyLimits, allowedAddresses: AddressList?
  ) async throws -> APIKey
  /// Gives an active key a new value. The value so far authenticates for so many more seconds by the store's clock, 0
  /// being not at all; every older one ends now.
  func rotate(_ id: KeyID, to value: NewSecret, overlapSeconds: Int64) async throws -> APIKey
  /// Ends a key and all its values; its record stays. The key must not have been revoked before.
  func revoke(_ id: KeyID) async throws -> APIKey
  /// Removes a key and its secrets for good.
  func delete(_ id: KeyID) async throws

  /// Adds a line to the audit log.
  func append(_ entry: AuditEntry) async throws
}

/// All that a store needs in order to write a key.
public struct NewKey: Sendable {
  /// The key's id.
  public let id: KeyID
  /// Whether it is a management key.
  public let root: Bool
  /// What was asked for.
  public let draft: KeyDraft
  /// The linkage, asked for or made.
  public let linkageID: Label
  /// What is stored in the secret's place.
  public let hash: SecretHash
  /// The prefix and last four characters of the secret.
  public let hint: String

  /// A key that is ready to be written.
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

/// What a rotation gives a key in place of its secret.
public struct NewSecret: Sendable {
  /// What is stored in the secret's place.
  public let hash: SecretHash
  /// The prefix and last four characters of the secret.
  public let hint: String

  /// A value that is ready to be written.
  public init(hash: SecretHash, hint: String) {
    self.hash = hash
    self.hint = hint
  }
}

/// A value of a key that a rotation has replaced.
public struct FormerSecret: Sendable, Hashable {
  /// The key that it was a value of.
  public let keyID: KeyID
  /// When it was replaced.
  public let supersededAt: Timestamp

  /// A former value as a store read it.
  public init(keyID: KeyID, supersededAt: Timestamp) {
    self.keyID = keyID
    self.supersededAt = supersededAt
  }
}

/// What a store can say of a unit of work that it did not do.
public enum StoreError: Error, Sendable, Equatable {
  /// The linkage belongs to another key of the organisation.
  case linkageTaken
  /// The provider id belongs to another organisation.
  case providerTaken
  /// `expires_at` is not ahead of the database's clock.
  case expiryNotInFuture
  /// The database can't be reached, or can't work at present. Whether the work was done may be unknown.
  ///
  /// `reason` is for the log; it holds no row values.
  case unavailable(reason: String)
}
