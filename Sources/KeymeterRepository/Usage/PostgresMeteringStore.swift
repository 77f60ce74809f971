public import KeymeterDomain
public import Postgres

/// Usage, reservations and events in PostgreSQL.
public struct PostgresMeteringStore: MeteringStore {
  private let pool: ConnectionPool
  private let questions: AnalyticsQueryLimiter

  /// A store over a pool whose database has the schema of this binary.
  ///
  /// Its copies share what bounds long questions; another store over the same pool has bounds of its own.
  public init(pool: ConnectionPool) { self.init(pool: pool, questions: AnalyticsQueryLimiter(sharing: pool)) }

  init(pool: ConnectionPool, questions: AnalyticsQueryLimiter) {
    self.pool = pool
    self.questions = questions
  }

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

  /// Runs `body` as `withMetering` does, when it is the question's turn and for as long as it may take.
  ///
  /// - Throws: as `withMetering`; `StoreError.unavailable` also where it took too long, or too many wait.
  public func withLongQuestion<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output {
    try await questions.answer(of: organisation) { try await withMetering(body) }
  }
}
