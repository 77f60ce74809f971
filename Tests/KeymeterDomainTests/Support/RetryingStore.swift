import KeymeterDomain

/// A store that rolls the first run of every transaction back and retries it, as after a serialisation failure.
struct RetryingStore: TenantStore {
  let store: any TenantStore

  func withTransaction<Output: Sendable>(
    _ body: @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    do {
      _ = try await store.withTransaction { transaction -> Output in
        _ = try await body(transaction)
        throw RunAgain()
      }
    } catch is RunAgain {}
    return try await store.withTransaction(body)
  }

  func withAnalyticsTransaction<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    try await withTransaction(body)
  }
}

private struct RunAgain: Error {}
