/// A key's status, by the database's clock (contract §2).
public enum KeyStatus: String, Sendable, CaseIterable {
  case active = "ACTIVE"
  /// After its `expires_at`.
  case expired = "EXPIRED"
  case revoked = "REVOKED"
}

/// An API key without its secret.
public struct APIKey: Sendable, Hashable {
  /// The key's id, which survives rotation.
  public let id: KeyID
  /// The tenant that the key belongs to.
  public let organisationID: OrganisationID
  /// The human-readable name.
  public var friendlyName: Label
  /// Whether this is a management key.
  public let root: Bool
  /// The environment that it belongs to.
  public let environment: KeyEnvironment
  /// The scopes that it holds.
  public let scopes: [Scope]
  /// Its monthly limits.
  public var limits: MonthlyLimits
  /// The addresses from which it may be used, or nil for any.
  public var allowedAddresses: AddressList?
  /// What the key is linked to, unique within the organisation.
  public let linkageID: Label
  /// The prefix and last four characters of the secret.
  public let hint: String
  /// When it was issued.
  public let createdAt: Timestamp
  /// When it expires.
  public let expiresAt: Timestamp?
  /// When it was revoked.
  public let revokedAt: Timestamp?
  /// When it last authenticated, accurate to about a minute.
  public let lastUsedAt: Timestamp?
  /// Its status when it was read.
  public let status: KeyStatus

  /// Creates a key from a stored row.
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

/// A new key with its secret, which can be shown only now.
public struct IssuedKey: Sendable {
  /// The key as stored.
  public let key: APIKey
  /// The plaintext secret, for the response.
  public let secret: KeySecret

  /// Creates a value from a key and its new secret.
  public init(key: APIKey, secret: KeySecret) {
    self.key = key
    self.secret = secret
  }
}
