public import KeymeterDomain
public import Postgres

/// Organisations, keys, usage and the audit log in PostgreSQL.
public struct PostgresTenantStore: TenantStore {
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
  /// Rows that a decision depends on are locked.
  ///
  /// - Throws: What `body` throws, `StoreError.unavailable` if the database is unavailable, or
  ///   `PostgresError` for unexpected errors.
  public func withTransaction<Output: Sendable>(
    _ body: @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    try await pool.withStoreTransaction { connection in
      try await body(PostgresTenantTransaction(connection: connection))
    }
  }

  /// Runs `body` in a transaction of the analytics pool, one at a time per organisation, with a time limit.
  ///
  /// - Throws: Like `withTransaction`. Also `StoreError.unavailable` if it took too long or too many are waiting.
  public func withAnalyticsTransaction<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    try await analytics.run(for: organisation) {
      try await analyticsPool.withStoreTransaction { connection in
        try await body(PostgresTenantTransaction(connection: connection))
      }
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
