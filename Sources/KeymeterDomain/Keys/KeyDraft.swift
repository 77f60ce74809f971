/// What a caller asks of a key that is to be made.
public struct KeyDraft: Sendable, Hashable {
  /// The human-readable name.
  public let friendlyName: Label
  /// The monthly caps; what the caller left out is unrestricted.
  public let limits: MonthlyLimits
  /// The thing it serves; `nil` has one made.
  public let linkageID: Label?
  /// The deployment it is for.
  public let environment: KeyEnvironment
  /// What it may do: 1 to 100 scopes.
  public let scopes: [Scope]
  /// From when on it no longer authenticates; must lie ahead of the database's clock.
  public let expiresAt: Timestamp?
  /// From where it may be used; `nil` is from anywhere.
  public let allowedAddresses: AddressList?

  /// A draft; what is left out takes the contract's defaults.
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

/// What a caller asks to change of a key; what it leaves out stays.
public struct KeyUpdate: Sendable, Hashable {
  /// The key to change.
  public let id: KeyID
  /// A new name, or `nil` to keep it.
  public let friendlyName: Label?
  /// What becomes of the cap on requests.
  public let requests: LimitChange
  /// What becomes of the cap on tokens.
  public let tokens: LimitChange
  /// What becomes of the cap on speech.
  public let speechSeconds: LimitChange
  /// What becomes of the list of addresses.
  public let allowedAddresses: AddressListChange

  /// A change of the key `id`.
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
