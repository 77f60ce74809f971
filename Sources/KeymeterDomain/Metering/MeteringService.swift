/// What a caller of the runtime API presents: a key, and in the Scrubs dialect the provider it says it belongs to.
public struct RuntimeCredentials: Sendable {
  /// The presented key, already checked for form and checksum.
  public let secret: KeySecret
  /// The provider id, where the dialect has one; otherwise the organisation follows from the key.
  public let provider: ProviderID?

  /// Credentials as presented.
  public init(secret: KeySecret, provider: ProviderID?) {
    self.secret = secret
    self.provider = provider
  }
}

/// What the runtime API does (contract §5).
public struct MeteringService: Sendable {
  private let admission: any AdmissionControl
  private let peppers: PepperSet

  /// A service over an admission control.
  public init(admission: any AdmissionControl, peppers: PepperSet) {
    self.admission = admission
    self.peppers = peppers
  }

  /// Authenticates a key, judges it by scope and environment, and charges it: all in one step, or nothing.
  ///
  /// - Throws: `StoreError.unavailable`.
  public func verify(
    _ credentials: RuntimeCredentials, charge: Amounts, scopes: [Scope], environment: KeyEnvironment?
  ) async throws -> Admission {
    try await admission.admit(
      AdmissionRequest(
        digests: peppers.digests(of: credentials.secret), provider: credentials.provider, charge: charge,
        requiredScopes: scopes, requiredEnvironment: environment))
  }
}
