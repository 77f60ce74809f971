import KeymeterDomain

/// The data of the in-memory store.
struct InMemoryState: Sendable {
  var organisations: [OrganisationID: Organisation] = [:]
  var keys: [OrganisationID: [StoredKey]] = [:]
  var auditLog: [AuditEntry] = []
  /// The time of each audit entry.
  var auditTimes: [Timestamp] = []
  /// Usage, which outlives the keys.
  var counters: [CounterID: Counter] = [:]
  var days: [DayID: Amounts] = [:]
  var reservations: [HeldID: HeldReservation] = [:]
  var events: [CountedEventID: CountedEvent] = [:]
  var answers: [IdempotencyEntry: KeptAnswer] = [:]
  var peppers: [String: (check: PepperCheck, firstSeen: Timestamp)] = [:]
  /// Whether every idempotency key seems to be in use by another transaction.
  var namesAreInFlight = false

  /// A key as key management shows it: last used when it authenticated or was charged.
  func shown(_ key: StoredKey, in organisation: OrganisationID, at now: Timestamp) -> APIKey {
    let charged = counters.filter { $0.key.organisation == organisation && $0.key.key == key.id }
      .compactMap(\.value.lastUsedAt)
    return key.key(in: organisation, at: now, usedAt: (charged + [key.lastUsedAt].compactMap(\.self)).max())
  }
}

/// One secret of a key, by its hash.
struct StoredValue: Sendable {
  var hash: SecretHash
  /// When it stops authenticating, after a rotation with overlap.
  var validUntil: Timestamp?

  func isValid(at now: Timestamp) -> Bool { validUntil.map { $0 > now } ?? true }
}

/// A secret that a rotation has replaced.
struct StoredFormerValue: Sendable {
  let hash: SecretHash
  let supersededAt: Timestamp
  var isReported = false
}

/// A key with the hashes of its secrets.
struct StoredKey: Sendable {
  let id: KeyID
  let root: Bool
  let draft: KeyDraft
  let linkageID: Label
  let createdAt: Timestamp
  /// The current secret is last.
  var values: [StoredValue]
  var formerValues: [StoredFormerValue] = []
  var hint: String
  var friendlyName: Label
  var limits: MonthlyLimits
  var allowedAddresses: AddressList?
  var expiresAt: Timestamp?
  var revokedAt: Timestamp?
  var lastUsedAt: Timestamp?

  init(_ key: NewKey, at now: Timestamp) {
    id = key.id
    root = key.root
    draft = key.draft
    linkageID = key.linkageID
    values = [StoredValue(hash: key.hash)]
    hint = key.hint
    createdAt = now
    friendlyName = key.draft.friendlyName
    limits = key.draft.limits
    allowedAddresses = key.draft.allowedAddresses
    expiresAt = key.draft.expiresAt
  }

  /// The secret with one of the hashes.
  func value(of hashes: [SecretHash]) -> StoredValue? {
    values.first { value in hashes.contains { $0.bytes == value.hash.bytes } }
  }

  /// The index of the former secret with one of the hashes.
  func formerValue(of hashes: [SecretHash]) -> Int? {
    formerValues.firstIndex { former in hashes.contains { $0.bytes == former.hash.bytes } }
  }

  func key(in organisation: OrganisationID, at now: Timestamp, usedAt: Timestamp?) -> APIKey {
    APIKey(
      id: id, organisationID: organisation, friendlyName: friendlyName, root: root,
      environment: draft.environment, scopes: draft.scopes, limits: limits, linkageID: linkageID, hint: hint,
      createdAt: createdAt, expiresAt: expiresAt, revokedAt: revokedAt, lastUsedAt: usedAt,
      status: status(at: now), allowedAddresses: allowedAddresses)
  }

  func status(at now: Timestamp) -> KeyStatus {
    if revokedAt != nil { return .revoked }
    if let expiresAt, expiresAt <= now { return .expired }
    return .active
  }
}
