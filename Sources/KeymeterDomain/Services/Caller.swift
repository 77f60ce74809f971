/// What a caller presents: its key, and the organisation that it says it belongs to.
public struct Credentials: Sendable {
  /// The presented key, already checked for form and checksum.
  public let secret: KeySecret
  /// The provider id as presented; one of a wrong form names no organisation.
  public let provider: ProviderID?

  /// Credentials as presented.
  public init(secret: KeySecret, provider: ProviderID?) {
    self.secret = secret
    self.provider = provider
  }
}

/// A caller whose credentials held, and the request it makes.
struct Caller: Sendable {
  let key: APIKey
  let requestID: RequestID

  func entry(_ action: AuditAction, target: KeyID, changes: [FieldChange]) -> AuditEntry {
    AuditEntry(
      organisationID: key.organisationID, principal: .key(key.id, hint: key.hint), action: action,
      target: target.rawValue, requestID: requestID, changes: changes)
  }

  /// The same caller, if it holds a root key.
  ///
  /// - Throws: `refusal`.
  func asRoot(_ refusal: Refusal = .rootKeyRequired) throws(Refusal) -> Caller {
    guard key.root else { throw refusal }
    return self
  }
}

extension ManagementTransaction {
  /// Finds out who calls, and enters the caller's organisation.
  ///
  /// - Parameter lock: `.shared` where the transaction goes on to change something, so that a key that is
  ///   revoked meanwhile changes nothing after its revocation was answered.
  /// - Throws: `Refusal.unknownProvider` before `Refusal.notAuthentic`, as contract §3 orders them.
  func authenticate(
    _ credentials: Credentials, peppers: PepperSet, requestID: RequestID, lock: RowLock
  ) async throws -> Caller {
    guard let provider = credentials.provider, let organisation = try await organisation(provider: provider)
    else { throw Refusal.unknownProvider }
    try await enter(organisation.id)
    guard let key = try await activeKey(peppers.digests(of: credentials.secret), lock: lock) else {
      throw Refusal.notAuthentic
    }
    try await touch(key.id)
    return Caller(key: key, requestID: requestID)
  }
}
