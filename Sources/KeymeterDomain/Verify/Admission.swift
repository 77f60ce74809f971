/// What a gateway or a back end asks for on behalf of a presented key.
public struct AdmissionRequest: Sendable, Hashable {
  /// The hashes under which the presented key may be stored, one for each active pepper.
  public let hashes: [SecretHash]
  /// The organisation that the key must belong to, where the credentials name one.
  public let provider: ProviderID?
  /// What to charge, if all else is well.
  public let charge: Amounts
  /// The scopes that the key must hold, every one.
  public let requiredScopes: [Scope]
  /// The environment that the key must be of.
  public let requiredEnvironment: KeyEnvironment?
  /// Where the request comes from; `nil` where that is not known.
  public let address: IPAddress?

  /// A request for admission.
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

  /// Whether the other request differs from this one in nothing but where it comes from.
  public func isAlike(_ other: AdmissionRequest) -> Bool {
    hashes == other.hashes && provider == other.provider && charge == other.charge
      && requiredScopes == other.requiredScopes && requiredEnvironment == other.requiredEnvironment
  }
}

/// Why a request was not admitted.
///
/// Nothing is charged then.
public enum AdmissionRejection: Sendable, Hashable {
  case unknownProvider
  case unknownKey
  case revoked
  case expired
  /// The key may be used from some addresses only, and this is none of them.
  case addressNotAllowed
  case environmentMismatch
  case scopeMissing
  /// The first dimension, in the order of `Dimension`, of which more is asked than is left.
  case overLimit(Dimension)
}

/// The answer to a request for admission.
public enum Admission: Sendable, Hashable {
  /// The charge is committed and durable; the standing includes it.
  case admitted(KeyUsageSnapshot)
  /// Nothing was charged; the standing is there where the key is known.
  case refused(AdmissionRejection, KeyUsageSnapshot?)
}
