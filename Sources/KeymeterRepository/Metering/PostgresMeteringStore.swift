public import KeymeterDomain
public import Postgres

/// Usage, reservations and events in PostgreSQL.
public struct PostgresMeteringStore: MeteringStore {
  private let pool: ConnectionPool

  /// A store over a pool whose database has the schema of this binary.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Runs `body` in one transaction at READ COMMITTED.
  ///
  /// - Throws: what `body` throws; `StoreError.unavailable` where the database is at fault for now;
  ///   `PostgresError` for what should not happen.
  public func withMetering<Output: Sendable>(
    _ body: @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output {
    try await pool.withStoreTransaction { connection in
      try await body(PostgresMeteringTransaction(connection: connection))
    }
  }
}
