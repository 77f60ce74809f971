extension KeyService {
  /// Revokes a key and all its secrets for good.
  ///
  /// It authenticates nowhere once this returns, and stays listed.
  ///
  /// - Returns: the revoked key. Nothing is written if it was revoked before.
  /// - Throws: `Rejection`, `StoreError`, and what `id` throws.
  public func revoke(_ id: @Sendable () throws -> KeyID, by call: APICall) async throws -> APIKey {
    try await ending(id, by: call, under: .rootKeysAndScopes) { transaction, caller, key in
      guard key.revokedAt == nil else { return key }
      try await Self.requireOtherRoot(than: key, in: transaction)
      let revoked = try await transaction.revoke(key.id)
      try await transaction.append(
        caller.entry(.keyRevoked, target: key.id, changes: APIKey.changes(from: key, to: revoked)))
      return revoked
    }
  }

  /// Deletes a key for good.
  ///
  /// It authenticates nowhere once this returns. Its usage and audit entries stay.
  ///
  /// - Parameter rule: who may delete keys, and whether a root key can be deleted.
  /// - Throws: `Rejection`, `StoreError`, and what `id` throws.
  public func delete(
    _ id: @Sendable () throws -> KeyID, by call: APICall, under rule: ManagementRule = .rootKeysOnly
  ) async throws {
    try await ending(id, by: call, under: rule) { transaction, caller, key in
      if key.root, case .rootKeysOnly = rule { throw Rejection.rootKeyNotDeletable }
      try await Self.requireOtherRoot(than: key, in: transaction)
      try await transaction.delete(key.id)
      try await transaction.append(
        caller.entry(.keyDeleted, target: key.id, changes: APIKey.changes(from: key, to: nil)))
    }
  }

  /// Rejects ending an organisation's last active root key.
  ///
  /// Changes of one organisation's keys run one at a time, so two root keys can't end each other.
  private static func requireOtherRoot(
    than key: APIKey, in transaction: any TenantTransaction
  ) async throws {
    guard key.root, key.status == .active else { return }
    guard try await transaction.hasOtherActiveRoot(than: key.id) else { throw Rejection.lastRootKey }
  }

  private func ending<Output: Sendable>(
    _ id: @Sendable () throws -> KeyID, by call: APICall, under rule: ManagementRule,
    _ body: @Sendable (any TenantTransaction, Caller, APIKey) async throws -> Output
  ) async throws -> Output {
    try await withManager(call, under: rule) { transaction, _ in
      try await withLockedKey(id(), for: call, under: rule, in: transaction) { caller, key in
        try await body(transaction, caller, key)
      }
    }
  }
}
