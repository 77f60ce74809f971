/// What a caller presents: its key, and in the Scrubs dialect the organisation that it says it belongs to.
public struct Credentials: Sendable {
  /// The presented key, already checked for form and checksum.
  public let secret: KeySecret
  /// The provider id as presented; one of a wrong form names no organisation.
  public let provider: ProviderID?
  /// Whether the caller has to name its provider; where it hasn't, the organisation follows from the key.
  public let namesProvider: Bool
  /// Where they come from; `nil` where that is not known.
  public let address: IPAddress?

  /// Credentials of a key and a provider, as presented.
  public init(secret: KeySecret, provider: ProviderID?, address: IPAddress? = nil) {
    self.secret = secret
    self.provider = provider
    self.address = address
    namesProvider = true
  }

  /// Credentials of a key alone.
  public init(secret: KeySecret, address: IPAddress? = nil) {
    self.secret = secret
    self.address = address
    provider = nil
    namesProvider = false
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
  func asRoot(_ refusal: Rejection = .rootKeyRequired) throws(Rejection) -> Caller {
    guard key.root else { throw refusal }
    return self
  }

  /// The same caller, if it may manage keys.
  ///
  /// By a scope that names them (`apikeys:write`, `apikeys:*`): `*` is what keys are issued with unless said otherwise,
  /// and a key that makes further ones has no limit.
  ///
  /// - Throws: `Rejection.rootKeyRequired`, `Rejection.scopeRequired`.
  func asManager(under rule: ManagementRule, needing scope: Scope) throws(Rejection) -> Caller {
    switch rule {
    case .rootKeysOnly: return try asRoot()
    case .rootKeysAndScopes:
      guard key.root || key.scopes.contains(where: { $0 != .everything && $0.covers(scope) }) else {
        throw .scopeRequired(scope)
      }
      return self
    }
  }
}

/// Which keys manage others, wherein the dialects differ.
public enum ManagementRule: Sendable {
  /// Root keys alone do, and no root key is deleted (Scrubs, contract §3).
  case rootKeysOnly
  /// So do keys that hold a scope for it, within their own authority; a root key may be deleted while another is
  /// active (Scrubbe, contract §4).
  case rootKeysAndScopes
}

extension ManagementTransaction {
  /// Finds out who calls, enters the caller's organisation, and notes the use.
  ///
  /// - Parameter lock: `.shared` where the transaction goes on to change something, so that a key that is
  ///   revoked meanwhile changes nothing after its revocation was answered.
  /// - Throws: `Rejection.unknownProvider` before `Rejection.notAuthentic`, as contract §3 orders them;
  ///   `Rejection.addressNotAllowed`.
  func authenticate(
    _ credentials: Credentials, peppers: PepperSet, requestID: RequestID, lock: RowLock
  ) async throws -> Caller {
    let hashes = peppers.hashes(of: credentials.secret)
    try await enter(organisation(of: credentials, hashes: hashes))
    let caller = try await caller(
      presenting: hashes, from: credentials.address, requestID: requestID, lock: lock)
    peppers.renewal?.authenticated(hashes)
    try await touch(caller.key.id)
    return caller
  }

  /// Who holds the key of `hashes` in the entered organisation, and may use it from the address.
  ///
  /// - Throws: `Rejection.notAuthentic`, `Rejection.addressNotAllowed`.
  func caller(
    presenting hashes: [SecretHash], from address: IPAddress?, requestID: RequestID, lock: RowLock
  ) async throws -> Caller {
    guard let key = try await activeKey(hashes, lock: lock) else { throw Rejection.notAuthentic }
    CallerNote.current?.note(key.organisationID, key.id)
    if let allowed = key.allowedAddresses, !allowed.allows(address) { throw Rejection.addressNotAllowed }
    return Caller(key: key, requestID: requestID)
  }

  /// The organisation that the credentials name, or that their key belongs to.
  ///
  /// - Throws: `Rejection.unknownProvider`, `Rejection.notAuthentic`.
  func organisation(of credentials: Credentials, hashes: [SecretHash]) async throws -> OrganisationID {
    guard credentials.namesProvider else {
      guard let id = try await organisation(holding: hashes) else { throw Rejection.notAuthentic }
      return id
    }
    guard let provider = credentials.provider, let organisation = try await organisation(provider: provider)
    else { throw Rejection.unknownProvider }
    return organisation.id
  }
}
