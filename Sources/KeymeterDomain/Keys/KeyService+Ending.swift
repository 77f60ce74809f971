extension KeyService {
  /// Gives a key a new value under the same id; its usage, limits and scopes carry over.
  ///
  /// The value so far ends at once, on every node, or after the overlap that was asked for. Of several older
  /// values, none but the last lives on. One that lives on does not rotate its own key again: whoever found it would
  /// take the key over.
  ///
  /// - Throws: `Rejection`, `StoreError`, and the failure in `rotation`.
  public func rotate(
    _ rotation: Result<KeyRotation, any Error>, by credentials: Credentials, requestID: RequestID
  ) async throws -> IssuedKey {
    let body = issuer.drawBody()
    return try await asking(by: credentials, requestID: requestID, under: .rootKeysAndScopes) {
      transaction, _ in
      try await renew(rotation.get(), with: body, by: credentials, requestID: requestID, in: transaction)
    }
  }

  /// Gives a key a new value: once, however often a request of the caller's naming is sent.
  ///
  /// A repetition is answered before the key is looked at, whatever became of it meanwhile. Its caller must
  /// still be authentic: the former value of a key that rotated itself is so during an overlap only.
  ///
  /// - Parameter answer: makes the answer that a repetition is given again.
  /// - Throws: `Rejection`, `StoreError`, `IdempotencyRejection`, and the failure in `rotation`.
  public func rotate(
    _ rotation: Result<KeyRotation, any Error>, by credentials: Credentials, requestID: RequestID,
    repeatable: IdempotentRequest?, answer: @Sendable (IssuedKey) throws -> StoredResponse
  ) async throws -> StoredResponse {
    let body = issuer.drawBody()
    return try await asking(by: credentials, requestID: requestID, under: .rootKeysAndScopes) {
      transaction, asking in
      let rotation = try rotation.get()
      let answer = try await transaction.once(
        repeatable, by: asking.key.id, of: asking.key.organisationID, answer: answer
      ) {
        try await renew(rotation, with: body, by: credentials, requestID: requestID, in: transaction)
      }
      if answer.replayed { try await transaction.touch(asking.key.id) }
      return answer
    }
  }

  /// - Parameter body: drawn outside the transaction, so that one that is tried again writes the same value.
  private func renew(
    _ rotation: KeyRotation, with body: KeySecret.Body, by credentials: Credentials, requestID: RequestID,
    in transaction: any ManagementTransaction
  ) async throws -> IssuedKey {
    try await holding(
      rotation.id, by: credentials, requestID: requestID, under: .rootKeysAndScopes, in: transaction
    ) { caller, old in
      guard old.status == .active else { throw Rejection.keyNotActive(old.status) }
      if caller.key.id == old.id,
        try await transaction.isSuperseded(peppers.hashes(of: credentials.secret))
      {
        throw Rejection.valueSuperseded
      }
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

  /// Ends a key and all its values for good; it authenticates nowhere once this returns, and stays listed.
  ///
  /// - Returns: the revoked key; where it was revoked before, nothing is written.
  /// - Throws: `Rejection`, `StoreError`, and the failure in `id`.
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
  /// - Throws: `Rejection`, `StoreError`, and the failure in `id`.
  public func delete(
    _ id: Result<KeyID, any Error>, by credentials: Credentials, requestID: RequestID,
    under rule: ManagementRule = .rootKeysOnly
  ) async throws {
    try await ending(id, by: credentials, requestID: requestID, under: rule) { transaction, caller, key in
      if key.root, case .rootKeysOnly = rule { throw Rejection.rootKeyNotDeletable }
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
    guard try await transaction.hasOtherActiveRoot(than: key.id) else { throw Rejection.lastRootKey }
  }

  /// Runs what ends a key on behalf of a caller that has the authority to.
  private func ending<Output: Sendable>(
    _ id: Result<KeyID, any Error>, by credentials: Credentials, requestID: RequestID,
    under rule: ManagementRule,
    _ body: @Sendable (any ManagementTransaction, Caller, APIKey) async throws -> Output
  ) async throws -> Output {
    try await asking(by: credentials, requestID: requestID, under: rule) { transaction, _ in
      try await holding(id.get(), by: credentials, requestID: requestID, under: rule, in: transaction) {
        caller, key in
        try await body(transaction, caller, key)
      }
    }
  }

  /// Runs a transaction for a caller that may manage keys as it begins.
  ///
  /// Nothing is locked for it yet, so that nobody who may not ask makes others wait; `holding` looks again.
  func asking<Output: Sendable>(
    by credentials: Credentials, requestID: RequestID, under rule: ManagementRule,
    _ body: @Sendable (any ManagementTransaction, Caller) async throws -> Output
  ) async throws -> Output {
    let hashes = peppers.hashes(of: credentials.secret)
    return try await store.withTransaction { transaction in
      try await transaction.enter(transaction.organisation(of: credentials, hashes: hashes))
      let asking = try await transaction.caller(
        presenting: hashes, from: credentials.address, requestID: requestID, lock: .none)
      return try await body(transaction, asking.asManager(under: rule, needing: .writeKeys))
    }
  }

  /// Changes or ends a key, or ends a value of one, once nothing else can do either, nor end its caller.
  func holding<Output>(
    _ id: KeyID, by credentials: Credentials, requestID: RequestID, under rule: ManagementRule,
    in transaction: any ManagementTransaction, _ body: (Caller, APIKey) async throws -> Output
  ) async throws -> Output {
    try await transaction.holdChanges(of: id)
    let hashes = peppers.hashes(of: credentials.secret)
    let caller = try await transaction.caller(
      presenting: hashes, from: credentials.address, requestID: requestID, lock: .shared
    )
    .asManager(under: rule, needing: .writeKeys)
    peppers.renewal?.authenticated(hashes)
    try await transaction.touch(caller.key.id)
    guard let target = try await transaction.keyForUpdate(id) else { throw Rejection.keyNotFound }
    try caller.requireAuthority(over: target)
    return try await body(caller, target)
  }
}
