public import KeymeterDomain
public import Postgres

/// Organisations, keys and the audit log in PostgreSQL.
public struct PostgresManagementStore: ManagementStore {
  private let pool: ConnectionPool

  /// A store over a pool whose database has the schema of this binary.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Runs `body` in one transaction at READ COMMITTED; rows that a decision rests on are locked.
  ///
  /// - Throws: what `body` throws; `StoreError.unavailable` where the database is at fault for now;
  ///   `PostgresError` for what should not happen.
  public func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output {
    try await pool.withStoreTransaction { connection in
      try await body(PostgresManagementTransaction(connection: connection))
    }
  }
}

extension ConnectionPool {
  /// Runs `body` in one transaction, and tells a fault of the database as the domain knows it.
  func withStoreTransaction<Output: Sendable>(
    _ body: @Sendable (Connection) async throws -> Output
  ) async throws -> Output {
    do {
      return try await withTransaction { try await body($0) }
    } catch let error as PostgresError {
      throw StoreError.unavailability(error) ?? error
    }
  }
}

extension StoreError {
  /// What a fault of the database means to the domain; `nil` for one that should not happen.
  ///
  /// A connection lost during COMMIT leaves open whether the work was done, which `unavailable` allows for.
  static func unavailability(_ error: PostgresError) -> (any Error)? {
    guard error.isUnavailable || error.kind == .commitOutcomeUnknown else { return nil }
    return StoreError.unavailable(reason: error.description)
  }
}
