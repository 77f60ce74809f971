import KeymeterRepository
import Postgres

/// What one of several hosts is.
struct HostFacts: Sendable, Hashable {
  /// Whether it follows another server, and so can't be written to.
  let isStandby: Bool
  /// Whether this login's transactions are read-only unless they say otherwise.
  let isReadOnly: Bool
  /// Since when the server runs: two hosts that run since the same microsecond are one.
  let start: PostgresTimestamp

  /// Asks the host at the other end.
  ///
  /// - Throws: `PostgresError`.
  static func current(on connection: Connection) async throws -> HostFacts {
    try HostFacts(await connection.row(of: InspectionStatements.host, []))
  }

  private init(_ row: Row) throws {
    isStandby = try row.decode("is_standby", as: Bool.self)
    isReadOnly = try row.decode("is_read_only", as: Bool.self)
    start = try row.decode("start", as: PostgresTimestamp.self)
  }
}
