/// What a client presents: an API key, and in the Scrubs dialect the provider id of its organisation.
public struct Credentials: Sendable {
  /// The presented key, with its form and checksum already checked.
  public let secret: KeySecret
  /// The organisation the key must belong to; `nil` accepts the key's own organisation.
  public let provider: ProviderID?
  /// The client's address; `nil` if unknown.
  public let address: IPAddress?

  /// Credentials as presented.
  public init(secret: KeySecret, provider: ProviderID? = nil, address: IPAddress? = nil) {
    self.secret = secret
    self.provider = provider
    self.address = address
  }
}
