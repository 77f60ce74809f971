public import KeymeterDomain
public import Postgres

/// Organisations, keys and the audit log in PostgreSQL.
public struct PostgresManagementStore: ManagementStore {
  private let pool: ConnectionPool

  /// Creates a store over a pool whose database has this binary's schema.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Runs `body` in one transaction at READ COMMITTED.
  ///
  /// Rows that a decision depends on are locked.
  ///
  /// - Throws: What `body` throws, `StoreError.unavailable` if the database is unavailable, or
  ///   `PostgresError` for unexpected errors.
  public func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output {
    try await pool.withStoreTransaction { connection in
      try await body(PostgresManagementTransaction(connection: connection))
    }
  }
}

extension ConnectionPool {
  /// Runs `body` in one transaction and maps database errors to the domain's.
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
  /// Maps a database error to the domain's.
  ///
  /// Nil for unexpected errors.
  ///
  /// A connection lost during COMMIT leaves the outcome unknown, which `unavailable` allows for.
  static func unavailability(_ error: PostgresError) -> (any Error)? {
    guard error.isUnavailable || error.kind == .commitOutcomeUnknown else { return nil }
    return StoreError.unavailable(reason: error.description)
  }
}
