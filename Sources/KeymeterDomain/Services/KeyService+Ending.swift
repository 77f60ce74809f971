extension KeyService {
  /// Gives a key a new value under the same id; its usage, limits and scopes carry over.
  ///
  /// The value so far ends at once, on every node, or after the overlap that was asked for. Of several older
  /// values, none but the last lives on.
  ///
  /// - Throws: `Refusal`, `StoreError`, and the failure in `rotation`.
  public func rotate(
    _ rotation: Result<KeyRotation, any Error>, by credentials: Credentials, requestID: RequestID
  ) async throws -> IssuedKey {
    // Drawn outside the transaction, so that one that is tried again writes the same value.
    let body = issuer.drawBody()
    return try await ending(
      rotation.map(\.id), by: credentials, requestID: requestID, under: .rootKeysAndScopes
    ) { transaction, caller, old in
      guard old.status == .active else { throw Refusal.keyNotActive(old.status) }
      let overlap = try rotation.get().overlapSeconds
      let secret = KeySecret(environment: old.environment, body: body)
      let value = NewValue(digest: peppers.currentDigest(of: secret), hint: secret.hint)
      let new = try await transaction.rotate(old.id, to: value, overlapSeconds: overlap)
      let changes =
        APIKey.changes(from: old, to: new) + [FieldChange("overlap_secs", from: nil, to: .number(overlap))]
      try await transaction.append(caller.entry(.keyRotated, target: old.id, changes: changes))
      return IssuedKey(key: new, secret: secret)
    }
  }

  /// Ends a key and all its values for good; it authenticates nowhere once this returns, and stays listed.
  ///
  /// - Returns: the revoked key; where it was revoked before, nothing is written.
  /// - Throws: `Refusal`, `StoreError`, and the failure in `id`.
  public func revoke(
    _ id: Result<KeyID, any Error>, by credentials: Credentials, requestID: RequestID
  ) async throws -> APIKey {
    try await ending(id, by: credentials, requestID: requestID, under: .rootKeysAndScopes) {
      transaction, caller, key in
      guard key.revokedAt == nil else { return key }
      try await Self.requireRootBeside(key, in: transaction)
      let revoked = try await transaction.revoke(key.id)
      try await transaction.append(
        caller.entry(.keyRevoked, target: key.id, changes: APIKey.changes(from: key, to: revoked)))
      return revoked
    }
  }

  /// Removes a key for good; it authenticates nowhere once this returns.
  ///
  /// What it used, and what was logged of it, stays under its id.
  ///
  /// - Parameter rule: who may, and whether a root key can be removed at all.
  /// - Throws: `Refusal`, `StoreError`, and the failure in `id`.
  public func delete(
    _ id: Result<KeyID, any Error>, by credentials: Credentials, requestID: RequestID,
    under rule: ManagementRule = .rootKeysOnly
  ) async throws {
    try await ending(id, by: credentials, requestID: requestID, under: rule) { transaction, caller, key in
      if key.root, case .rootKeysOnly = rule { throw Refusal.rootKeyNotDeletable }
      try await Self.requireRootBeside(key, in: transaction)
      try await transaction.delete(key.id)
      try await transaction.append(
        caller.entry(.keyDeleted, target: key.id, changes: APIKey.changes(from: key, to: nil)))
    }
  }

  /// Refuses the end of an organisation's last active root key.
  ///
  /// Active is what authenticates now: neither revoked nor expired. Endings of one organisation come one after
  /// the other, so two root keys can't end each other.
  private static func requireRootBeside(_ key: APIKey, in transaction: any ManagementTransaction) async throws
  {
    guard key.root, key.status == .active else { return }
    guard try await transaction.hasOtherActiveRoot(than: key.id) else { throw Refusal.lastRootKey }
  }

  /// Runs what ends a key, or a value of one, on behalf of a caller that has the authority to.
  ///
  /// The caller is looked up twice: first so that nobody who may not ask makes others wait, then, once nothing
  /// else can end it or its target, for good.
  private func ending<Output: Sendable>(
    _ id: Result<KeyID, any Error>, by credentials: Credentials, requestID: RequestID,
    under rule: ManagementRule,
    _ body: @Sendable (any ManagementTransaction, Caller, APIKey) async throws -> Output
  ) async throws -> Output {
    let digests = peppers.digests(of: credentials.secret)
    return try await store.withTransaction { transaction in
      try await transaction.enter(transaction.organisation(of: credentials, digests: digests))
      let asking = try await transaction.caller(presenting: digests, requestID: requestID, lock: .none)
      _ = try asking.asManager(under: rule, needing: .writeKeys)
      let id = try id.get()
      try await transaction.holdEndings(of: id)
      let caller = try await transaction.caller(presenting: digests, requestID: requestID, lock: .shared)
        .asManager(under: rule, needing: .writeKeys)
      try await transaction.touch(caller.key.id)
      guard let target = try await transaction.keyForUpdate(id) else { throw Refusal.keyNotFound }
      try caller.requireAuthority(over: target)
      return try await body(transaction, caller, target)
    }
  }
}
