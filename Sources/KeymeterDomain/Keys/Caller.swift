/// What a store found under a presented key.
public enum KeyLookup: Sendable {
  /// No organisation has the given provider id.
  case unknownProvider
  /// No key of the organisation has this secret.
  case unknownKey
  case found(PresentedKey)
}

/// A key of any status, found by a secret that a caller presented.
public struct PresentedKey: Sendable {
  /// The key.
  public let key: APIKey
  /// Whether the secret no longer authenticates, because it was rotated or its key was revoked.
  public let secretHasEnded: Bool
  /// Whether a rotation has replaced the secret, even if it is still valid during an overlap.
  public let isSuperseded: Bool
  /// What the key has used in the current month.
  public let used: Amounts
  /// When this was read, by the store's clock.
  public let readAt: Timestamp

  /// Creates a value from a stored row.
  public init(key: APIKey, secretHasEnded: Bool, isSuperseded: Bool, used: Amounts, readAt: Timestamp) {
    self.key = key
    self.secretHasEnded = secretHasEnded
    self.isSuperseded = isSuperseded
    self.used = used
    self.readAt = readAt
  }

  /// Why the key does not authenticate from this address, or nil if it does.
  func rejection(from address: IPAddress?) -> AdmissionRejection? {
    switch key.status {
    case .revoked: return .revoked
    case .expired: return .expired
    case .active: break
    }
    if secretHasEnded { return .expired }
    if let allowed = key.allowedAddresses, !allowed.allows(address) { return .addressNotAllowed }
    return nil
  }
}

/// An authenticated caller and its request.
struct Caller: Sendable {
  let key: APIKey
  let requestID: RequestID
  let isSuperseded: Bool
  /// The key's usage when it authenticated.
  let usage: KeyUsageSnapshot

  init(_ presented: PresentedKey, requestID: RequestID) {
    key = presented.key
    self.requestID = requestID
    isSuperseded = presented.isSuperseded
    usage = KeyUsageSnapshot(
      keyID: key.id, organisationID: key.organisationID, environment: key.environment, scopes: key.scopes,
      limits: key.limits, used: presented.used, judgedAt: presented.readAt)
  }

  func entry(_ action: AuditAction, target: KeyID, changes: [FieldChange]) -> AuditEntry {
    AuditEntry(
      organisationID: key.organisationID, principal: .key(key.id, hint: key.hint), action: action,
      target: target.rawValue, requestID: requestID, changes: changes)
  }

  /// - Throws: `rejection` unless the caller has a root key.
  func requireRoot(_ rejection: Rejection = .rootKeyRequired) throws(Rejection) {
    guard key.root else { throw rejection }
  }

  /// Checks that the caller may manage keys.
  ///
  /// The scope must name key management (`apikeys:write`, `apikeys:*`). `*` is not enough: keys have it by default, and
  /// a key that creates keys escapes its own limits.
  ///
  /// - Throws: `Rejection.rootKeyRequired`, `Rejection.scopeRequired`.
  func requireManager(under rule: ManagementRule, needing scope: Scope) throws(Rejection) {
    switch rule {
    case .rootKeysOnly: try requireRoot()
    case .rootKeysAndScopes:
      guard key.root || key.scopes.contains(where: { $0 != .everything && $0.covers(scope) }) else {
        throw .scopeRequired(scope)
      }
    }
  }
}

/// Which keys may manage keys, which depends on the dialect.
public enum ManagementRule: Sendable {
  /// Only root keys may, and no root key can be deleted (Scrubs, contract §3).
  case rootKeysOnly
  /// Keys with a management scope may too, within their own permissions. A root key can be deleted while another is
  /// active (Scrubbe, contract §4).
  case rootKeysAndScopes
}

extension TenantTransaction {
  /// Authenticates a call and sets the tenant.
  ///
  /// - Parameters:
  ///   - lock: `.shared` if the transaction makes changes, so that a revoked key can't complete a change after its
  ///     revocation was answered.
  ///   - markUsed: whether to record the use. Charges record it themselves.
  /// - Throws: `AdmissionRejectedError`.
  func authenticate(
    _ call: APICall, peppers: PepperSet, lock: RowLock = .none, markUsed: Bool = false
  ) async throws -> Caller {
    let credentials = call.credentials
    let lookup = try await findKey(
      peppers.hashes(of: credentials.secret), provider: credentials.provider, lock: lock, markUsed: markUsed)
    switch lookup {
    case .unknownProvider: throw AdmissionRejectedError(rejection: .unknownProvider)
    case .unknownKey: throw AdmissionRejectedError(rejection: .unknownKey)
    case .found(let presented):
      let rejection = presented.rejection(from: credentials.address)
      // The log names authentic callers only.
      if rejection == nil || rejection == .addressNotAllowed {
        call.identified(presented.key.organisationID, presented.key.id)
      }
      if let rejection { throw AdmissionRejectedError(rejection: rejection) }
      return Caller(presented, requestID: call.requestID)
    }
  }
}
