import KeymeterDomain
import KeymeterRepository
import Postgres

extension DatabaseCheck {
  static let migrations = DatabaseCheck("migrations") { database in
    let state = try await Migrator(pool: database.pool).state()
    if !state.changed.isEmpty {
      return .fail(
        "\(state.changed.joined(separator: ", ")) changed after it was applied",
        "Use the binary that migrated this database, or restore the file")
    }
    // A newer version's functions stay when an older node starts.
    let pending = state.pending + (state.unknown.isEmpty ? state.outdatedFunctions : [])
    if !pending.isEmpty {
      return .fail("\(pending.joined(separator: ", ")) not applied", "Run `keymeter migrate`")
    }
    guard state.unknown.isEmpty else {
      return .ok("\(state.steps.count) applied, and newer: \(state.unknown.joined(separator: ", "))")
    }
    return .ok("\(state.steps.count) applied")
  }

  /// Whether the schema still is as `migrate` left it.
  ///
  /// The first check reads all differences.
  static let schema = [
    DatabaseCheck("schema", needsSchema: true) { database in
      guard let all = try await database.drift.read(database) else {
        return .warn("`keymeter migrate` has not recorded the schema", "Run it")
      }
      let differences = all.filter { $0.check == "schema" }
      guard differences.isEmpty || !differences.allSatisfy(\.isForeignGrant) else {
        return .warn(text(differences), SchemaDifference.advice)
      }
      return result(differences)
    },
    DatabaseCheck("functions", needsSchema: true) { database in
      result(try await database.drift.differences(for: "functions"))
    },
    DatabaseCheck("key-facts", needsSchema: true) { database in
      let differences = try await database.drift.differences(for: "key-facts")
      guard differences.isEmpty else { return result(differences, "a lowered limit may not take effect") }
      return try await staleSecrets(database)
    },
    DatabaseCheck("audit-log", needsSchema: true) { database in
      result(try await database.drift.differences(for: "audit-log"), "the audit log may be changeable")
    },
    DatabaseCheck("row-level-security", needsSchema: true) { database in
      result(
        try await database.drift.differences(for: "row-level-security"), "tenants may see each other's rows")
    },
  ]

  private static func text(_ differences: [SchemaDifference]) -> String {
    differences.map(\.description).joined(separator: "; ")
  }

  private static func result(_ differences: [SchemaDifference], _ consequence: String? = nil) -> CheckResult {
    guard !differences.isEmpty else { return .ok("as `keymeter migrate` left it") }
    return .fail(text(differences) + (consequence.map { ": \($0)" } ?? ""), SchemaDifference.advice)
  }

  /// Keys could have been changed while the triggers were disabled.
  private static func staleSecrets(_ database: DoctorDatabase) async throws -> CheckResult {
    let count: Int64
    do {
      count = try await database.row(DoctorStatements.staleSecrets).decode("secrets", as: Int64.self)
    } catch let error as PostgresError where error.sqlState == .queryCanceled {
      return .warn(
        "there are too many secrets to compare them with their keys in time",
        "As keymeter_owner: SELECT keymeter.stale_secret_count(), which should be 0")
    }
    guard count > 0 else { return .ok("all secrets have their keys' limits and permissions") }
    return .fail(
      "\(count) secrets have other limits or permissions than their keys",
      "As keymeter_owner: UPDATE keymeter.api_key_secrets SET scopes = scopes, a few thousand rows at a time")
  }

  static let partitions = DatabaseCheck("partitions", needsSchema: true) { database in
    let ahead = UsageMaintenance.monthsAhead
    let rows = try await database.rows(DoctorStatements.missingMonths, [.int4(ahead)])
    guard !rows.isEmpty else { return .ok("usage_daily has this month and the next \(ahead)") }
    let months = try rows.map { try $0.decode("month", as: String.self) }.joined(separator: ", ")
    var found = "usage_daily has none for \(months)"
    if try rows.contains(where: { try $0.decode("is_current", as: Bool.self) }) {
      found += ". This month's usage goes to the default partition"
    }
    let advice = "A running server creates them every ten minutes: see its log, or run `keymeter migrate`"
    let blockers = try await partitionBlockers(database)
    guard !blockers.isEmpty else { return .warn(found, advice) }
    return .warn(
      "\(found). Blocked by \(blockers.map(\.description).joined(separator: ", "))",
      "\(blockers.map(\.remedy).joined(separator: "; ")). \(advice)")
  }

  /// Charges hold the same locks for a moment, so only the transactions of two looks are blockers.
  private static func partitionBlockers(_ database: DoctorDatabase) async throws -> [PartitionBlocker] {
    let first = try await PartitionBlocker.read(database)
    guard !first.isEmpty else { return [] }
    try await Task.sleep(for: .milliseconds(500))
    let transactions = Set(first.map(\.transaction))
    return try await PartitionBlocker.read(database).filter { transactions.contains($0.transaction) }
  }

  static let role = DatabaseCheck("role") { database in
    let advice =
      "DATABASE_URL must name a login that is a member of \(DatabaseRole.app.rawValue) and nothing else "
      + "(docs/operations.md, Roles)"
    let check = try await ServerRoleCheck.current(on: database.pool)
    let login = check.role == check.login ? check.login : "\(check.login), as \(check.role)"
    if let unfitness = check.unfitness {
      return .fail("the database role \(check.role) \(unfitness): the server does not start", advice)
    }
    if check.loginIsUnbound {
      return .warn("row-level security does not apply to the login \(login)", advice)
    }
    let excess = try ExcessPrivileges(await database.row(DoctorStatements.excessPrivileges)).all
    guard excess.isEmpty else {
      return .warn("the login \(login), \(excess.joined(separator: ", "))", advice)
    }
    return .ok(login)
  }

  static let peppers = DatabaseCheck("peppers", needsSchema: true) { database in
    let checks = try configuredPeppers(database).checks
    let parameters: [Parameter] = [.textArray(checks.map(\.pepperID)), .byteaArray(checks.map(\.bytes))]
    let rows = try await database.rows(PepperStatements.mismatched, parameters)
    guard rows.isEmpty else {
      let ids = try rows.map { try $0.decode("pepper_id", as: String.self) }.joined(separator: ", ")
      return .fail(
        "the database knows other bytes for the pepper \(ids): the server does not start",
        "Restore the pepper from its backup, or give a new one its own id")
    }
    return .ok("\(checks.map(\.pepperID).joined(separator: ", ")): no mismatch")
  }

  static let pepperKeys = DatabaseCheck("pepper-keys", needsSchema: true) { database in
    let peppers = try configuredPeppers(database)
    let status: [PepperStatus]
    do {
      status = try await PepperService(store: PostgresPepperStore(pool: database.pool), peppers: peppers)
        .status()
    } catch StoreError.unavailable {
      // It reads every key.
      return .warn("the keys can't be counted in time", "Run `keymeter pepper status`, which takes longer")
    }
    let missing = status.filter { $0.state == .retired && $0.keys > 0 }
    guard missing.isEmpty else {
      return .fail(
        "keys are rejected because their pepper is not configured: "
          + missing.map { "\($0.id) (\($0.keys) keys)" }.joined(separator: ", "),
        "Add it to the end of KEYMETER_PEPPERS until `keymeter pepper status` shows 0")
    }
    let counts = status.filter { $0.keys > 0 }.map { "\($0.id) \($0.state.rawValue) \($0.keys)" }
    return .ok(counts.isEmpty ? "there are no keys" : "keys by pepper: \(counts.joined(separator: ", "))")
  }

  private static func configuredPeppers(_ database: DoctorDatabase) throws -> PepperSet {
    guard let peppers = database.peppers else { throw SkippedCheck(reason: "see settings") }
    return peppers
  }
}

/// An object of the schema that was changed, added or dropped since `migrate` recorded the schema.
struct SchemaDifference: Sendable {
  /// `function`, `trigger`, `policy` and so on.
  let kind: String
  /// With its schema and table.
  ///
  /// A grant's name starts with the grantee.
  let name: String
  private let change: String

  static let advice =
    "Find out who did it, and restore what sql/schema.sql shows. To accept it: as keymeter_owner "
    + "DELETE FROM keymeter_home.schema_objects, then run `keymeter migrate`"

  init(_ row: Row) throws {
    kind = try row.decode("kind", as: String.self)
    name = try row.decode("name", as: String.self)
    let isPresent = try row.decode("is_present", as: Bool.self)
    let isRecorded = try row.decode("is_recorded", as: Bool.self)
    change = !isPresent ? "is missing" : isRecorded ? "was changed" : "was added"
  }

  var description: String { "the \(kind) \(name) \(change)" }

  /// The check that reports it.
  var check: String {
    switch kind {
    case "function": "functions"
    case "table", "policy": "row-level-security"
    case "trigger" where name.hasPrefix("keymeter.api_key"), "rule" where name.hasPrefix("keymeter.api_key"):
      "key-facts"
    case "trigger" where name.hasPrefix("keymeter.audit_log."),
      "rule" where name.hasPrefix("keymeter.audit_log."):
      "audit-log"
    default: "schema"
    }
  }

  /// A grant to a role that is not Keymeter's, such as a login for backups.
  var isForeignGrant: Bool { kind == "grant" && !name.hasPrefix("keymeter_") && !name.hasPrefix("PUBLIC ") }
}

/// The differences of the schema, read once in a run.
actor SchemaDrift {
  private var differences: [SchemaDifference]?

  /// - Returns: nil if `migrate` has recorded nothing.
  func read(_ database: DoctorDatabase) async throws -> [SchemaDifference]? {
    guard try await database.row(DoctorStatements.schemaIsRecorded).decode("found", as: Bool.self) else {
      return nil
    }
    differences = try await database.rows(DoctorStatements.schemaDrift).map(SchemaDifference.init)
    return differences
  }

  /// - Throws: `SkippedCheck` if they were not read.
  func differences(for check: String) throws -> [SchemaDifference] {
    guard let differences else { throw SkippedCheck(reason: "see schema") }
    return differences.filter { $0.check == check }
  }
}

/// A session or prepared transaction that blocks new partitions of usage_daily.
struct PartitionBlocker: Sendable {
  /// Nil for a prepared transaction.
  private let pid: Int32?
  /// The identifier of a prepared transaction.
  private let gid: String?
  private let login: String?
  /// The start of the transaction.
  ///
  /// Nil if the login may not see it.
  private let since: String?
  let transaction: String

  static func read(_ database: DoctorDatabase) async throws -> [PartitionBlocker] {
    try await database.pool.withTransaction { connection in
      // The login may see more of other sessions than keymeter_app.
      _ = try await connection.execute(DoctorStatements.becomeLogin)
      return try await connection.execute(DoctorStatements.partitionBlockers).rows.map(PartitionBlocker.init)
    }
  }

  private init(_ row: Row) throws {
    pid = try row.decode("pid", as: Int32?.self)
    gid = try row.decode("gid", as: String?.self)
    login = try row.decode("login", as: String?.self)
    since = try row.decode("since", as: String?.self)
    transaction = try row.decode("transaction", as: String.self)
  }

  var description: String {
    let time = since.map { "since \($0)" } ?? "start unknown without pg_read_all_stats"
    let name = pid.map { "pid \($0)" } ?? "the prepared transaction \(quotedGID)"
    return "\(name) (\(login?.quoted(by: "\"") ?? "PostgreSQL itself"), \(time))"
  }

  /// The statement that ends it.
  var remedy: String {
    if let pid { return "SELECT pg_terminate_backend(\(pid))" }
    return "ROLLBACK PREPARED \(quotedGID) or COMMIT PREPARED \(quotedGID), in this database"
  }

  private var quotedGID: String { gid?.quoted(by: "'") ?? "" }
}

/// What the login could do beyond serving.
///
/// It only matters after an SQL injection, so the server starts anyway.
private struct ExcessPrivileges {
  let all: [String]

  init(_ row: Row) throws {
    let memberships = try row.decode("memberships", as: [String].self)
    all = [
      memberships.isEmpty
        ? nil : "is a member of " + memberships.map { $0.quoted(by: "\"") }.joined(separator: ", "),
      try row.decode("creates_roles", as: Bool.self) ? "has CREATEROLE" : nil,
      try row.decode("creates_databases", as: Bool.self) ? "has CREATEDB" : nil,
      try row.decode("owns_database", as: Bool.self) ? "owns the database" : nil,
    ].compactMap(\.self)
  }
}

extension String {
  /// Quoted as SQL quotes names (`"`) and texts (`'`): a quotation mark inside is doubled.
  ///
  /// Works on scalars, because a mark with a combining accent is a different character but still ends a text.
  func quoted(by mark: Unicode.Scalar) -> String {
    let inside = unicodeScalars.map { $0 == mark ? "\(mark)\(mark)" : String($0) }.joined()
    return "\(mark)\(inside)\(mark)"
  }
}
