public import Postgres

/// Migrates a database to the schema of this binary.
///
/// Each migration runs in its own transaction, and all functions in one. Every migrator takes the same lock, so any number
/// of nodes may start at once. If nothing is missing, it takes no lock and only needs to read the ledgers.
public struct Migrator: Sendable {
  private let pool: ConnectionPool
  private let files: SchemaFiles

  /// A migrator of the schema in this binary.
  public init(pool: ConnectionPool) { self.init(pool: pool, files: .embedded) }

  init(pool: ConnectionPool, files: SchemaFiles) {
    self.pool = pool
    self.files = files
  }

  /// Compares the database with this binary and changes nothing.
  ///
  /// - Throws: `PostgresError`.
  public func state() async throws -> SchemaState {
    try await pool.withTransaction { connection in
      try await actAsOwner(connection)
      return try await self.state(connection)
    }
  }

  /// Applies what is missing, in order.
  ///
  /// - Returns: the names of the files that were applied by this call.
  /// - Throws: `ChangedMigrationError` before anything is applied, `PostgresError`.
  public func migrate() async throws -> [String] {
    try await createLedger()
    let found = try await state()
    guard found.changed.isEmpty else { throw ChangedMigrationError(names: found.changed) }
    var applied: [String] = []
    if !found.isUsable {
      // Another migrator may be at work, so each step checks again under the lock.
      for migration in files.migrations where try await apply(migration) {
        applied.append(migration.name)
      }
      applied += try await applyFunctions()
    }
    if files.makesUsagePartitions { try await ensureUsagePartitions() }
    try await pool.withTransaction { connection in
      try await actAsOwner(connection)
      try await connection.executeScript(MigrationStatements.recordSchema)
    }
    return applied
  }

  private func state(_ connection: Connection) async throws -> SchemaState {
    let found = try await ledgerExists(connection)
    let applied = found ? try await appliedMigrations(connection) : [:]
    let functions = found ? try await appliedFunctions(connection) : [:]
    let known = Set(files.migrations.map(\.version))
    return SchemaState(
      steps: files.migrations.map { migration in
        let row = applied[migration.version]
        return SchemaState.Step(
          name: migration.name, applied: row != nil,
          changed: row.map { $0.checksum != migration.checksum } ?? false)
      },
      unknown: applied.filter { !known.contains($0.key) }.sorted { $0.key < $1.key }.map(\.value.name),
      outdatedFunctions: files.functions.filter { functions[$0.name] != $0.checksum }.map(\.name))
  }

  private func actAsOwner(_ connection: Connection) async throws {
    _ = try await connection.execute(MigrationStatements.becomeOwner)
    try await connection.executeScript(MigrationStatements.restrictSearchPath)
  }

  private func lockAsOwner(_ connection: Connection) async throws {
    try await actAsOwner(connection)
    try await connection.executeScript(MigrationStatements.lock)
  }

  private func ensureUsagePartitions() async throws {
    try await pool.withTransaction { connection in
      try await actAsOwner(connection)
      let ahead = try await connection.row(of: UsageStatements.partitionsAhead, [])
      guard try ahead.decode("ahead", as: Int32.self) < UsageMaintenance.monthsAhead else { return }
      _ = try await connection.execute(
        UsageStatements.ensurePartitions, [.int4(UsageMaintenance.monthsAhead)])
    }
  }

  /// One retry is enough unless another session also drops the ledgers.
  private static let ledgerAttempts = 5

  /// Retries when another migrator creates the ledgers first, as there is no table to lock yet.
  private func createLedger() async throws {
    for attempt in 1... {
      do {
        return try await pool.withTransaction { connection in
          guard try await !ledgerExists(connection) else { return }
          try await connection.executeScript(MigrationStatements.createLedger)
        }
      } catch let error as PostgresError where attempt < Self.ledgerAttempts && Self.meansAlreadyExists(error)
      {
        // Another migrator has created and committed them.
      }
    }
  }

  private static func meansAlreadyExists(_ error: PostgresError) -> Bool {
    [.uniqueViolation, .duplicateSchema, .duplicateTable, .duplicateObject].contains(error.sqlState)
  }

  /// Applies one migration unless the database has it, and returns whether it did.
  private func apply(_ migration: Migration) async throws -> Bool {
    try await pool.withTransaction { connection in
      try await lockAsOwner(connection)
      let state = try await state(connection)
      guard state.changed.isEmpty else { throw ChangedMigrationError(names: state.changed) }
      guard state.pending.contains(migration.name) else { return false }
      try await connection.executeScript(MigrationStatements.forgetSchema)
      try await connection.executeScript(migration.sql)
      _ = try await connection.execute(
        MigrationStatements.recordMigration,
        [.int4(migration.version), .text(migration.name), .text(migration.checksum)])
      return true
    }
  }

  /// Applies missing and changed functions in one transaction, because they depend on each other.
  private func applyFunctions() async throws -> [String] {
    try await pool.withTransaction { connection in
      try await lockAsOwner(connection)
      let state = try await state(connection)
      // An older node that restarts must not replace the functions of a newer one.
      guard state.unknown.isEmpty else { return [] }
      _ = try await connection.execute(MigrationStatements.deferBodyChecks)
      let outdated = files.functions(toApply: state.outdatedFunctions)
      if !outdated.isEmpty { try await connection.executeScript(MigrationStatements.forgetSchema) }
      for function in outdated {
        try await connection.executeScript(function.sql)
        _ = try await connection.execute(
          MigrationStatements.recordFunction, [.text(function.name), .text(function.checksum)])
      }
      return outdated.map(\.name)
    }
  }

  private func ledgerExists(_ connection: Connection) async throws -> Bool {
    let rows = try await connection.execute(MigrationStatements.ledgerExists).rows
    return try rows.first?.decode("found", as: Bool.self) ?? false
  }

  private func appliedMigrations(
    _ connection: Connection
  ) async throws -> [Int32: (name: String, checksum: String)] {
    let rows = try await connection.execute(MigrationStatements.applied).rows
    return try rows.reduce(into: [:]) { applied, row in
      applied[try row.decode("version", as: Int32.self)] = (
        try row.decode("name", as: String.self), try row.decode("checksum", as: String.self)
      )
    }
  }

  private func appliedFunctions(_ connection: Connection) async throws -> [String: String] {
    let rows = try await connection.execute(MigrationStatements.functions).rows
    return try rows.reduce(into: [:]) { checksums, row in
      checksums[try row.decode("name", as: String.self)] = try row.decode("checksum", as: String.self)
    }
  }
}
