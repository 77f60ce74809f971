extension KeyService {
  /// Creates a child key, once per idempotency key.
  ///
  /// - Parameters:
  ///   - request: the draft, and the idempotency key if the client sent one.
  ///   - rule: who may create keys. A key that isn't a root key can't create one with more permissions than its own.
  ///   - answer: makes the response that a repeated request gets again.
  /// - Throws: `Rejection`, `StoreError`, `ValidationFailure`, `IdempotencyRejection`, and what `request` throws.
  public func create<Response: ReplayableResponse>(
    _ request: @Sendable () throws -> (KeyDraft, IdempotentRequest?), by call: APICall,
    under rule: ManagementRule = .rootKeysOnly, answer: @Sendable (IssuedKey) throws -> Response
  ) async throws -> Response {
    let seed = issuer.seed()
    return try await withManagerLocked(call, under: rule) { transaction, caller in
      let (draft, repeatable) = try request()
      return try await transaction.once(
        repeatable, by: caller.key.id, of: caller.key.organisationID, answer: answer
      ) {
        try caller.requireAuthority(toIssue: draft)
        let generated = issuer.generate(draft, root: false, from: seed)
        return try await issuer.write(generated, in: transaction) { key, changes in
          caller.entry(.keyCreated, target: key.id, changes: changes)
        }
      }
    }
  }

  /// Changes the name, the limits or the addresses of the caller's own key or of a child key.
  ///
  /// - Returns: the key after the change. Nothing is written if nothing differs.
  /// - Throws: `Rejection`, `StoreError`, what `update` throws, and `ValidationFailure` if a key would exclude the address
  ///   it calls from.
  public func update(_ update: @Sendable () throws -> KeyUpdate, by call: APICall) async throws -> APIKey {
    try await withManager(call, under: .rootKeysOnly) { transaction, _ in
      let update = try update()
      return try await withLockedKey(update.id, for: call, under: .rootKeysOnly, in: transaction) {
        caller, old in
        guard !old.root || old.id == caller.key.id else { throw Rejection.otherRootKey }
        let wanted = old.applying(update)
        if old.id == caller.key.id { try Self.requireAddress(of: call.credentials, by: wanted) }
        let changes = APIKey.changes(from: old, to: wanted)
        guard !changes.isEmpty else { return old }
        let new = try await transaction.update(
          old.id, friendlyName: wanted.friendlyName, limits: wanted.limits,
          allowedAddresses: wanted.allowedAddresses)
        try await transaction.append(caller.entry(.keyUpdated, target: old.id, changes: changes))
        return new
      }
    }
  }

  /// Rejects an address list that would lock the caller's own key out.
  ///
  /// Only this key could undo that.
  private static func requireAddress(of credentials: Credentials, by key: APIKey) throws {
    guard let allowed = key.allowedAddresses, !allowed.allows(credentials.address) else { return }
    throw ValidationFailure(field: "allowed_cidrs", "must include the address that this request comes from")
  }

  /// Gives a key a new secret under the same id, once per idempotency key.
  ///
  /// Usage, limits and scopes carry over.
  ///
  /// The current secret ends at once on every node, or after the requested overlap. Older secrets end now. During the
  /// overlap the old secret can't rotate its own key, so that a thief can't take the key over.
  ///
  /// A repeated request gets the first response even if the key has changed since. Its caller must still authenticate,
  /// which the old secret of a key that rotated itself does only during the overlap.
  ///
  /// - Parameters:
  ///   - request: the rotation, and the idempotency key if the client sent one.
  ///   - answer: makes the response that a repeated request gets again.
  /// - Throws: `Rejection`, `StoreError`, `IdempotencyRejection`, and what `request` throws.
  public func rotate<Response: ReplayableResponse>(
    _ request: @Sendable () throws -> (KeyRotation, IdempotentRequest?), by call: APICall,
    answer: @Sendable (IssuedKey) throws -> Response
  ) async throws -> Response {
    let seed = issuer.seed()
    return try await withManager(call, under: .rootKeysAndScopes) { transaction, manager in
      let (rotation, repeatable) = try request()
      let answer = try await transaction.once(
        repeatable, by: manager.key.id, of: manager.key.organisationID, answer: answer
      ) {
        try await replaceSecret(rotation, with: seed.body, for: call, in: transaction)
      }
      if answer.replayed { try await transaction.markUsed(manager.key.id) }
      return answer
    }
  }

  private func replaceSecret(
    _ rotation: KeyRotation, with body: KeySecret.Body, for call: APICall,
    in transaction: any TenantTransaction
  ) async throws -> IssuedKey {
    try await withLockedKey(rotation.id, for: call, under: .rootKeysAndScopes, in: transaction) {
      caller, old in
      guard old.status == .active else { throw Rejection.keyNotActive(old.status) }
      if caller.key.id == old.id, caller.isSuperseded { throw Rejection.valueSuperseded }
      let overlap = rotation.overlapSeconds
      let secret = KeySecret(environment: old.environment, body: body)
      let value = NewSecret(hash: peppers.currentHash(of: secret), hint: secret.hint)
      let new = try await transaction.rotate(old.id, to: value, overlapSeconds: overlap)
      let changes =
        APIKey.changes(from: old, to: new) + [FieldChange("overlap_secs", from: nil, to: .number(overlap))]
      try await transaction.append(caller.entry(.keyRotated, target: old.id, changes: changes))
      return IssuedKey(key: new, secret: secret)
    }
  }
}

extension APIKey {
  func applying(_ update: KeyUpdate) -> APIKey {
    var key = self
    key.friendlyName = update.friendlyName ?? friendlyName
    key.limits = MonthlyLimits(
      requests: update.requests.applied(to: limits.requests),
      tokens: update.tokens.applied(to: limits.tokens),
      speechSeconds: update.speechSeconds.applied(to: limits.speechSeconds))
    key.allowedAddresses = update.allowedAddresses.applied(to: allowedAddresses)
    return key
  }
}
