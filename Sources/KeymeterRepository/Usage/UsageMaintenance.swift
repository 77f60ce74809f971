public import Postgres

/// The background jobs for usage.
///
/// Any number of nodes may run them at once.
public struct UsageMaintenance: Sendable {
  private let pool: ConnectionPool

  /// Creates the jobs for the database of `pool`.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// The number of months ahead for which `usage_daily` gets partitions.
  public static let monthsAhead: Int32 = 3
  /// The number of rows per statement, so that none holds locks for long.
  private static let batch: Int32 = 500

  /// Ends expired reservations, by the database's clock.
  ///
  /// - Returns: The number of reservations ended.
  /// - Throws: `PostgresError`.
  public func expireReservations() async throws -> Int {
    try await untilDone(UsageStatements.expireReservations, column: "swept")
  }

  /// Creates the partitions for the coming months.
  ///
  /// - Returns: The number of partitions created.
  /// - Throws: `PostgresError`, with 55P03 if a long report blocks it. The next call tries again.
  public func ensurePartitions() async throws -> Int {
    try await once(UsageStatements.ensurePartitions, .int4(Self.monthsAhead), column: "made")
  }

  /// The number of consecutive coming months with a partition of `usage_daily`.
  ///
  /// It is -1 if the current month has none.
  ///
  /// - Throws: `PostgresError`.
  public func partitionsAhead() async throws -> Int {
    let row = try await pool.withTransaction { try await $0.row(of: UsageStatements.partitionsAhead, []) }
    return Int(try row.decode("ahead", as: Int32.self))
  }

  /// Deletes expired events, closed reservations and stored responses.
  ///
  /// - Returns: The number of rows deleted.
  /// - Throws: `PostgresError`.
  public func purge() async throws -> Int {
    let events = try await untilDone(UsageStatements.purgeEvents, column: "purged")
    let reservations = try await untilDone(UsageStatements.purgeReservations, column: "purged")
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
