/// A request to create a key.
public struct KeyDraft: Sendable, Hashable {
  /// The human-readable name.
  public let friendlyName: Label
  /// The monthly limits.
  ///
  /// Dimensions that the caller omits are unrestricted.
  public let limits: MonthlyLimits
  /// What the key is linked to, or nil to generate an id.
  public let linkageID: Label?
  /// The environment that it belongs to.
  public let environment: KeyEnvironment
  /// 1 to 100 scopes.
  public let scopes: [Scope]
  /// When it expires.
  ///
  /// Must be in the future by the database's clock.
  public let expiresAt: Timestamp?
  /// The addresses from which it may be used, or nil for any.
  public let allowedAddresses: AddressList?

  /// Creates a draft.
  ///
  /// Omitted values take the contract's defaults.
  public init(
    friendlyName: Label, limits: MonthlyLimits = .unrestricted, linkageID: Label? = nil,
    environment: KeyEnvironment = .production, scopes: [Scope] = [.everything], expiresAt: Timestamp? = nil,
    allowedAddresses: AddressList? = nil
  ) {
    self.friendlyName = friendlyName
    self.limits = limits
    self.linkageID = linkageID
    self.environment = environment
    self.scopes = scopes
    self.expiresAt = expiresAt
    self.allowedAddresses = allowedAddresses
  }
}

/// A request to change a key.
///
/// Omitted values stay unchanged.
public struct KeyUpdate: Sendable, Hashable {
  /// The key to change.
  public let id: KeyID
  /// A new name, or `nil` to keep it.
  public let friendlyName: Label?
  /// The change to the limit on requests.
  public let requests: LimitChange
  /// The change to the limit on tokens.
  public let tokens: LimitChange
  /// The change to the limit on speech.
  public let speechSeconds: LimitChange
  /// The change to the address list.
  public let allowedAddresses: AddressListChange

  /// Creates a change of the key `id`.
  public init(
    id: KeyID, friendlyName: Label? = nil, requests: LimitChange = .unchanged,
    tokens: LimitChange = .unchanged, speechSeconds: LimitChange = .unchanged,
    allowedAddresses: AddressListChange = .unchanged
  ) {
    self.id = id
    self.friendlyName = friendlyName
    self.requests = requests
    self.tokens = tokens
    self.speechSeconds = speechSeconds
    self.allowedAddresses = allowedAddresses
  }
}
