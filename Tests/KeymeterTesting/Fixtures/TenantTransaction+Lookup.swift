public import KeymeterDomain

extension TenantTransaction {
  /// The ACTIVE key with a valid secret under one of `hashes`.
  ///
  /// It sets the tenant to the key's organisation.
  public func activeKey(
    _ hashes: [SecretHash], of provider: ProviderID? = nil, lock: RowLock = .none
  ) async throws -> APIKey? {
    guard
      case .found(let found) = try await findKey(hashes, provider: provider, lock: lock, markUsed: false),
      found.key.status == .active, !found.secretHasEnded
    else { return nil }
    return found.key
  }
}
