/// A request to verify and charge a presented key.
public struct AdmissionRequest: Sendable, Hashable {
  /// The hashes that the presented key may be stored under, one per active pepper.
  public let hashes: [SecretHash]
  /// The organisation that the key must belong to, if the credentials name one.
  public let provider: ProviderID?
  /// The amounts to charge on admission.
  public let charge: Amounts
  /// The scopes that the key must hold, all of them.
  public let requiredScopes: [Scope]
  /// The environment that the key must belong to.
  public let requiredEnvironment: KeyEnvironment?
  /// The client's address, or nil if it is unknown.
  public let address: IPAddress?

  /// Creates an admission request.
  public init(
    hashes: [SecretHash], provider: ProviderID? = nil, charge: Amounts = .oneRequest,
    requiredScopes: [Scope] = [], requiredEnvironment: KeyEnvironment? = nil,
    address: IPAddress? = nil
  ) {
    self.hashes = hashes
    self.provider = provider
    self.charge = charge
    self.requiredScopes = requiredScopes
    self.requiredEnvironment = requiredEnvironment
    self.address = address
  }

  /// Whether the requests are equal apart from the client's address.
  public func isAlike(_ other: AdmissionRequest) -> Bool {
    hashes == other.hashes && provider == other.provider && charge == other.charge
      && requiredScopes == other.requiredScopes && requiredEnvironment == other.requiredEnvironment
  }
}

/// Why a request was not admitted.
///
/// Nothing was charged.
public enum AdmissionRejection: Sendable, Hashable {
  case unknownProvider
  case unknownKey
  case revoked
  case expired
  /// The client's address is not in the key's address list.
  case addressNotAllowed
  case environmentMismatch
  case scopeMissing
  /// The first dimension, in the order of `Dimension`, whose remaining limit is too low.
  case overLimit(Dimension)
}

/// The result of an admission request.
public enum Admission: Sendable, Hashable {
  /// The charge is committed and durable, and the snapshot includes it.
  case admitted(KeyUsageSnapshot)
  /// Nothing was charged. The snapshot is there if the key is known.
  case rejected(AdmissionRejection, KeyUsageSnapshot?)
}
