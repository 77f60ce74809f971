/// What a client presents: an API key, and in the Scrubs dialect the provider id of its organisation.
public struct Credentials: Sendable {
  /// The presented key, with its form and checksum already checked.
  public let secret: KeySecret
  /// The organisation that the key must belong to, or nil to accept the key's own.
  public let provider: ProviderID?
  /// The client's address, or nil if unknown.
  public let address: IPAddress?

  /// Creates credentials as presented.
  public init(secret: KeySecret, provider: ProviderID? = nil, address: IPAddress? = nil) {
    self.secret = secret
    self.provider = provider
    self.address = address
  }
}
