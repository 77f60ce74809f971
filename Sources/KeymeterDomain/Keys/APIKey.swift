/// A key's state at one moment, by the database's clock (contract §2).
public enum KeyStatus: String, Sendable, CaseIterable {
  case active = "ACTIVE"
  /// Past its `expires_at`.
  case expired = "EXPIRED"
  case revoked = "REVOKED"
}

/// What is known of a key: everything but its secret.
public struct APIKey: Sendable, Hashable {
  /// The key's id, which stays through rotation.
  public let id: KeyID
  /// The tenant that the key belongs to.
  public let organisationID: OrganisationID
  /// The human-readable name.
  public var friendlyName: Label
  /// Whether this is a management key.
  public let root: Bool
  /// The deployment it is for.
  public let environment: KeyEnvironment
  /// What it may do.
  public let scopes: [Scope]
  /// Its monthly caps.
  public var limits: MonthlyLimits
  /// From where it may be used; `nil` is from anywhere.
  public var allowedAddresses: AddressList?
  /// The thing that the key serves, unique inside the organisation.
  public let linkageID: Label
  /// The prefix and last four characters of the secret.
  public let hint: String
  /// When it was issued.
  public let createdAt: Timestamp
  /// From when on it no longer authenticates.
  public let expiresAt: Timestamp?
  /// When it was revoked.
  public let revokedAt: Timestamp?
  /// About when it last authenticated, to the minute.
  public let lastUsedAt: Timestamp?
  /// Its state when it was read.
  public let status: KeyStatus

  /// A key as a store read it.
  public init(
    id: KeyID, organisationID: OrganisationID, friendlyName: Label, root: Bool,
    environment: KeyEnvironment, scopes: [Scope], limits: MonthlyLimits, linkageID: Label, hint: String,
    createdAt: Timestamp, expiresAt: Timestamp?, revokedAt: Timestamp?, lastUsedAt: Timestamp?,
    status: KeyStatus, allowedAddresses: AddressList? = nil
  ) {
    self.id = id
    self.organisationID = organisationID
    self.friendlyName = friendlyName
    self.root = root
    self.environment = environment
    self.scopes = scopes
    self.limits = limits
    self.linkageID = linkageID
    self.hint = hint
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.revokedAt = revokedAt
    self.lastUsedAt = lastUsedAt
    self.status = status
    self.allowedAddresses = allowedAddresses
  }
}

/// A key at the moment it is issued: the only time that its secret is there to be shown.
public struct IssuedKey: Sendable {
  /// What the store now holds.
  public let key: APIKey
  /// The plaintext, for the answer.
  public let secret: KeySecret

  /// A key with the secret that was just made for it.
  public init(key: APIKey, secret: KeySecret) {
    self.key = key
    self.secret = secret
  }
}
