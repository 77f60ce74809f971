public import KeymeterDomain
public import Postgres

/// Asks a database how it is set up, and changes nothing.
public struct DatabaseInspection: Sendable {
  private let pool: ConnectionPool

  /// An inspection by the connections of `pool`.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// What the server is, and how it is used.
  ///
  /// - Throws: `PostgresError`.
  public func server() async throws -> ServerFacts {
    try await pool.withConnection { try ServerFacts(try await $0.row(of: InspectionStatements.server, [])) }
  }

  /// The server's settings of these names, as this login has them; those that the server doesn't know are missing.
  ///
  /// - Throws: `PostgresError`.
  public func settings(_ names: [String]) async throws -> [String: ServerSetting] {
    try await pool.withConnection { connection in
      let rows = try await connection.execute(InspectionStatements.settings, [.textArray(names)]).rows
      return try rows.reduce(into: [:]) { $0[try $1.decode("name", as: String.self)] = try ServerSetting($1) }
    }
  }

  /// Every table of tenants' rows, and how it is kept from the wrong ones.
  ///
  /// - Throws: `PostgresError`.
  public func tenantTables() async throws -> [TenantTable] {
    try await pool.withConnection {
      try await $0.execute(InspectionStatements.tenantTables).rows.map(TenantTable.init)
    }
  }

  /// The months from the current one on for which usage by day has no partition, and whether the current one is among
  /// them.
  ///
  /// - Throws: `PostgresError`.
  public func monthsWithoutPartition() async throws -> (months: [String], currentIsMissing: Bool) {
    try await pool.withConnection { connection in
      let rows = try await connection.execute(
        InspectionStatements.missingMonths, [.int4(UsageMaintenance.monthsAhead)]
      ).rows
      return (
        try rows.map { try $0.decode("month", as: String.self) },
        try rows.contains { try $0.decode("is_current", as: Bool.self) }
      )
    }
  }

  /// Whose locks a new month of usage by day would wait for, and whose somebody who makes or drops one waits for, the
  /// oldest first.
  ///
  /// Charges hold such locks for a moment, so it looks twice, and leaves out what is over by then.
  ///
  /// - Parameter pause: between the two looks.
  /// - Throws: `PostgresError`, `CancellationError`.
  public func partitionObstacles(
    after pause: Duration = .milliseconds(500)
  ) async throws -> [PartitionObstacle] {
    let first = try await presentPartitionObstacles()
    guard !first.isEmpty else { return [] }
    try await Task.sleep(for: pause)
    let transactions = Set(first.map(\.transaction))
    return try await presentPartitionObstacles().filter { transactions.contains($0.transaction) }
  }

  private func presentPartitionObstacles() async throws -> [PartitionObstacle] {
    try await pool.withTransaction { connection in
      _ = try await connection.execute(InspectionStatements.becomeLogin)
      return try await connection.execute(InspectionStatements.partitionObstacles).rows.map(
        PartitionObstacle.init)
    }
  }

  /// The functions of this binary that the database runs with another text, or not at all.
  ///
  /// The ledger of `migrate` knows what was put there, not what somebody put in its place.
  ///
  /// - Returns: the functions' names, in order.
  /// - Throws: `PostgresError`.
  public func alteredFunctions() async throws -> [String] {
    try await pool.withConnection { connection in
      let rows = try await connection.execute(InspectionStatements.functionBodies).rows
      let bodies = try rows.reduce(into: [String: [String]]()) { bodies, row in
        bodies[try row.decode("name", as: String.self), default: []].append(
          try row.decode("body", as: String.self))
      }
      return SchemaFiles.embedded.functions.filter { !$0.isRun(among: bodies) }.map(\.functionName).sorted()
    }
  }

  /// The triggers that keep the copies of keys' facts, by name.
  ///
  /// - Throws: `PostgresError`.
  public func keyFactTriggers() async throws -> [KeyFactTrigger] {
    try await pool.withConnection { connection in
      let rows = try await connection.execute(
        InspectionStatements.keyFactTriggers, [.textArray(KeyFactTrigger.names)]
      ).rows
      return try KeyFactTrigger.names.map { try KeyFactTrigger(name: $0, among: rows, files: .embedded) }
    }
  }

  /// The peppers of which the database knows other bytes, by id.
  ///
  /// - Throws: `PostgresError`.
  public func mismatched(_ checks: [PepperCheck]) async throws -> [String] {
    try await pool.withConnection { connection in
      let parameters: [Parameter] = [.textArray(checks.map(\.pepperID)), .byteaArray(checks.map(\.bytes))]
      let rows = try await connection.execute(PepperStatements.mismatched, parameters).rows
      return try rows.map { try $0.decode("pepper_id", as: String.self) }
    }
  }

  /// What the database's clock shows.
  ///
  /// - Returns: microseconds since 1970.
  /// - Throws: `PostgresError`.
  public func clock() async throws -> Int64 {
    try await pool.withConnection { connection in
      try await connection.row(of: InspectionStatements.clock, []).decode("now", as: PostgresTimestamp.self)
        .microsecondsSinceUnixEpoch
    }
  }
}

extension SchemaFunction {
  /// The name that the file has for its function.
  fileprivate var functionName: String { String(name.prefix { $0 != "." }) }

  /// Whether what the database has under this name is from this file; a file of a view says nothing.
  fileprivate func isRun(among bodies: [String: [String]]) -> Bool {
    guard sql.contains("FUNCTION keymeter.\(functionName)(") else { return true }
    // A former function of other arguments may stand beside it.
    return bodies[functionName, default: []].contains { sql.contains($0) }
  }
}
