public import Postgres

/// The jobs of metering, which any number of nodes may do at once.
public struct UsageMaintenance: Sendable {
  private let pool: ConnectionPool

  /// Jobs on the database of `pool`.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// How many months `usage_daily` has partitions ahead of the current one.
  public static let monthsAhead: Int32 = 3
  /// How many rows one statement takes, so that none holds locks for long.
  private static let batch: Int32 = 500

  /// Ends reservations whose time is over, by the database's clock.
  ///
  /// - Returns: how many.
  /// - Throws: `PostgresError`.
  public func expireReservations() async throws -> Int {
    try await untilDone(MeteringStatements.expireReservations, column: "swept")
  }

  /// Makes the coming months' partitions.
  ///
  /// - Returns: how many were made.
  /// - Throws: `PostgresError`; 55P03 where a long report is in the way, and then the next call tries again.
  public func ensurePartitions() async throws -> Int {
    try await once(MeteringStatements.ensurePartitions, .int4(Self.monthsAhead), column: "made")
  }

  /// How many coming months in a row `usage_daily` has partitions for; -1 if the present one has none.
  ///
  /// - Throws: `PostgresError`.
  public func partitionsAhead() async throws -> Int {
    let row = try await pool.withTransaction { try await $0.row(of: MeteringStatements.partitionsAhead, []) }
    return Int(try row.decode("ahead", as: Int32.self))
  }

  /// Forgets events, closed reservations and first answers that nobody can ask about any more.
  ///
  /// - Returns: how many.
  /// - Throws: `PostgresError`.
  public func purge() async throws -> Int {
    let events = try await untilDone(MeteringStatements.purgeEvents, column: "purged")
    let reservations = try await untilDone(MeteringStatements.purgeReservations, column: "purged")
    return try await events + reservations + untilDone(IdempotencyStatements.purge, column: "purged")
  }

  private func untilDone(_ statement: Statement, column: String) async throws -> Int {
    var total = 0
    while !Task.isCancelled {
      let count = try await once(statement, .int4(Self.batch), column: column)
      total += count
      if count < Int(Self.batch) { break }
    }
    return total
  }

  private func once(_ statement: Statement, _ parameter: Parameter, column: String) async throws -> Int {
    let row = try await pool.withTransaction { try await $0.row(of: statement, [parameter]) }
    return Int(try row.decode(column, as: Int32.self))
  }
}
