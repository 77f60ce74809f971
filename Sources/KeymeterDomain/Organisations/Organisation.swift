/// A tenant (contract §1).
public struct Organisation: Sendable, Hashable {
  /// The internal id.
  public let id: OrganisationID
  /// The public, unique id that clients send.
  public let providerID: ProviderID
  /// The human-readable name.
  public let name: Label
  /// When it was created.
  public let createdAt: Timestamp

  /// Creates an organisation from a stored row.
  public init(id: OrganisationID, providerID: ProviderID, name: Label, createdAt: Timestamp) {
    self.id = id
    self.providerID = providerID
    self.name = name
    self.createdAt = createdAt
  }
}
