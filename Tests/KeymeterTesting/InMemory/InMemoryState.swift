import KeymeterDomain

/// All that the model knows.
struct InMemoryState: Sendable {
  var organisations: [OrganisationID: Organisation] = [:]
  var keys: [OrganisationID: [StoredKey]] = [:]
  var auditLog: [AuditEntry] = []
}

/// A key with what the store holds in its secret's place.
struct StoredKey: Sendable {
  let id: KeyID
  let root: Bool
  let draft: KeyDraft
  let linkageID: Label
  let digest: SecretDigest
  let hint: String
  let createdAt: Timestamp
  var friendlyName: Label
  var limits: MonthlyLimits
  var lastUsedAt: Timestamp?

  init(_ key: NewKey, at now: Timestamp) {
    id = key.id
    root = key.root
    draft = key.draft
    linkageID = key.linkageID
    digest = key.digest
    hint = key.hint
    createdAt = now
    friendlyName = key.draft.friendlyName
    limits = key.draft.limits
  }

  func key(in organisation: OrganisationID, at now: Timestamp) -> APIKey {
    let expired = draft.expiresAt.map { $0 <= now } ?? false
    return APIKey(
      id: id, organisationID: organisation, friendlyName: friendlyName, root: root,
      environment: draft.environment, scopes: draft.scopes, limits: limits, linkageID: linkageID, hint: hint,
      createdAt: createdAt, expiresAt: draft.expiresAt, revokedAt: nil, lastUsedAt: lastUsedAt,
      status: expired ? .expired : .active)
  }
}
