import KeymeterDomain
import KeymeterRepository
import Postgres

/// Asks a database how it is set up, and changes nothing.
struct DatabaseInspection: Sendable {
  private let pool: ConnectionPool

  /// An inspection by the connections of `pool`.
  init(pool: ConnectionPool) { self.pool = pool }

  /// What the server is, and how it is used.
  ///
  /// - Throws: `PostgresError`.
  func server() async throws -> ServerFacts {
    try await pool.withConnection { try ServerFacts(try await $0.row(of: InspectionStatements.server, [])) }
  }

  /// The server's settings of these names, as this login has them; those that the server doesn't know are missing.
  ///
  /// - Throws: `PostgresError`.
  func settings(_ names: [String]) async throws -> [String: ServerSetting] {
    try await pool.withConnection { connection in
      let rows = try await connection.execute(InspectionStatements.settings, [.textArray(names)]).rows
      return try rows.reduce(into: [:]) { $0[try $1.decode("name", as: String.self)] = try ServerSetting($1) }
    }
  }

  /// Every table of tenants' rows, and how it is kept from the wrong ones.
  ///
  /// - Throws: `PostgresError`.
  func tenantTables() async throws -> [TenantTable] {
    try await readingDefinitions {
      try await $0.execute(InspectionStatements.tenantTables).rows.map(TenantTable.init)
    }
  }

  /// The months from the current one on for which usage by day has no partition, and whether the current one is among
  /// them.
  ///
  /// - Throws: `PostgresError`.
  func monthsWithoutPartition() async throws -> (months: [String], currentIsMissing: Bool) {
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
  func partitionObstacles(
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

  /// The functions that the database has otherwise than this binary's files make them.
  ///
  /// The ledger of `migrate` knows what was put there, not what somebody put in its place. What migrations make is known,
  /// and judged with the triggers that run it.
  ///
  /// - Returns: in order, the names of those that are another or missing, and the signatures of those that no file makes.
  /// - Throws: `PostgresError`.
  func deviatingFunctions() async throws -> (altered: [String], unknown: [String]) {
    let rows = try await readingDefinitions { try await $0.execute(InspectionStatements.functions).rows }
    let found = try rows.map { (try DefinedFunction($0), try $0.decode("is_owners", as: Bool.self)) }
    let sound = Set(found.filter(\.1).map(\.0))
    let files = SchemaFiles.embedded
    let applied = SchemaFiles(migrations: [], functions: files.functions).definedFunctions
    let known = files.definedFunctions
    return (
      altered: Set(applied.values.filter { !sound.contains($0) }.map(\.signature.name)).sorted(),
      unknown: found.map(\.0.signature).filter { known[$0] == nil }.map { "\($0.name)(\($0.arguments))" }
    )
  }

  /// What is wrong with these triggers, in words that begin with the name of each.
  ///
  /// - Parameter mayBeOthers: Whether a newer version may have made them otherwise, or more of them.
  /// - Throws: `PostgresError`.
  func faults(of triggers: SchemaTriggers, mayBeOthers: Bool) async throws -> [String] {
    try await readingDefinitions { connection in
      let (names, tables) = (Parameter.textArray(triggers.names), Parameter.textArray(triggers.tables))
      let rows = try await connection.execute(InspectionStatements.triggers, [names, tables]).rows
      let rules = try await connection.execute(InspectionStatements.rules, [tables]).rows
      return try triggers.faults(rows, rules: rules, files: .embedded, mayBeOthers: mayBeOthers)
    }
  }

  /// How many secrets are judged by other facts than their keys' records have; nil where they are too many to be compared in
  /// the time that a statement has.
  ///
  /// - Throws: `PostgresError`.
  func differingKeyFacts() async throws -> Int64? {
    do {
      return try await pool.withConnection { connection in
        try await connection.row(of: InspectionStatements.differingKeyFacts, []).decode(
          "secrets", as: Int64.self)
      }
    } catch let error as PostgresError where error.sqlState == .queryCanceled {
      return nil
    }
  }

  private func readingDefinitions<Value: Sendable>(
    _ body: @Sendable (Connection) async throws -> Value
  ) async throws -> Value {
    try await pool.withTransaction { connection in
      _ = try await connection.execute(InspectionStatements.writePlainly)
      return try await body(connection)
    }
  }

  /// The peppers of which the database knows other bytes, by id.
  ///
  /// - Throws: `PostgresError`.
  func mismatched(_ checks: [PepperCheck]) async throws -> [String] {
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
  func clock() async throws -> Int64 {
    try await pool.withConnection { connection in
      try await connection.row(of: InspectionStatements.clock, []).decode("now", as: PostgresTimestamp.self)
        .microsecondsSinceUnixEpoch
    }
  }
}
