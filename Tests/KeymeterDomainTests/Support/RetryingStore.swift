import KeymeterDomain

/// A store that undoes the first run of every transaction and runs it again, as PostgreSQL may ask for.
struct RetryingStore: ManagementStore {
  let store: any ManagementStore

  func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output {
    do {
      _ = try await store.withTransaction { transaction -> Output in
        _ = try await body(transaction)
        throw RunAgain()
      }
    } catch is RunAgain {}
    return try await store.withTransaction(body)
  }
}

private struct RunAgain: Error {}
