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
    do {
      return try await pool.withTransaction { connection in
        try await body(PostgresManagementTransaction(connection: connection))
      }
    } catch let error as PostgresError where error.isUnavailable {
      throw StoreError.unavailable(reason: error.description)
    }
  }
}
