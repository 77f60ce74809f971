public import KeymeterDomain
public import Postgres

/// Usage, reservations and events in PostgreSQL.
public struct PostgresMeteringStore: MeteringStore {
  private let pool: ConnectionPool
  private let analyticsPool: ConnectionPool
  private let analytics: AnalyticsQueue

  /// Creates a store.
  ///
  /// - Parameters:
  ///   - pool: Connects to a database with this binary's schema.
  ///   - analyticsPool: A pool for analytics queries, so that they don't delay others. Nil to use `pool`.
  public init(pool: ConnectionPool, analyticsPool: ConnectionPool? = nil) {
    self.init(pool: pool, analyticsPool: analyticsPool, analytics: AnalyticsQueue())
  }

  init(pool: ConnectionPool, analyticsPool: ConnectionPool? = nil, analytics: AnalyticsQueue) {
    self.pool = pool
    self.analyticsPool = analyticsPool ?? pool
    self.analytics = analytics
  }

  /// Runs `body` in one transaction at READ COMMITTED.
  ///
  /// - Throws: What `body` throws, `StoreError.unavailable` if the database is unavailable, and
  ///   `PostgresError` for bugs.
  public func withMetering<Output: Sendable>(
    _ body: @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output {
    try await pool.withStoreTransaction { connection in
      try await body(PostgresMeteringTransaction(connection: connection))
    }
  }

  /// Runs `body` in a transaction of the analytics pool, one at a time per organisation, with a time limit.
  ///
  /// - Throws: Like `withMetering`. Also `StoreError.unavailable` if it took too long or too many are waiting.
  public func withLongQuestion<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output {
    try await analytics.run(for: organisation) {
      try await analyticsPool.withStoreTransaction { connection in
        try await body(PostgresMeteringTransaction(connection: connection))
      }
    }
  }
}
