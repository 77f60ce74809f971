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
