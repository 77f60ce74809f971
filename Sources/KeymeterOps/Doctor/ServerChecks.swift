import FoundationEssentials
import KeymeterRepository
import KeymeterServer
import Postgres

extension DatabaseCheck {
  static let version = DatabaseCheck("server-version") { database in
    let row = try await database.row(DoctorStatements.version)
    let version = "PostgreSQL \(try row.decode("version", as: String.self))"
    guard try row.decode("number", as: Int32.self) >= 150_000 else {
      return .fail(version, "Keymeter needs PostgreSQL 15 or newer")
    }
    return .ok(version)
  }

  /// PostgreSQL's clock and settings, and what they leave to the server.
  static let server =
    [clock] + requiredSettings + [
      synchronousCommit, standby, statementTimeout, idleTimeout, connectionSlots, sharedBuffers,
    ]

  private static let clock = DatabaseCheck("clock") { database in
    var best = try await clockReading(database)
    for _ in 0..<4 {
      let next = try await clockReading(database)
      if next.uncertainty < best.uncertainty { best = next }
    }
    let difference = "\(seconds(abs(best.ahead))) s \(best.ahead < 0 ? "behind" : "ahead of") this node"
    let found =
      "PostgreSQL is \(difference) (±\(seconds(best.uncertainty)) s), and decides expiry, months and timeouts"
    guard abs(best.ahead) - best.uncertainty <= 1 else {
      return .warn(found, "Synchronise both clocks (chrony, systemd-timesyncd)")
    }
    return .ok(found)
  }

  /// How many seconds the database is ahead.
  ///
  /// The uncertainty is half the round trip.
  private static func clockReading(
    _ database: DoctorDatabase
  ) async throws -> (ahead: Double, uncertainty: Double) {
    let before = Date().timeIntervalSince1970
    let now = try await database.row(DoctorStatements.clock).decode("now", as: PostgresTimestamp.self)
    let after = Date().timeIntervalSince1970
    let there = Double(now.microsecondsSinceUnixEpoch) / 1_000_000
    return (there - (before + after) / 2, abs(after - before) / 2)
  }

  private static func seconds(_ value: Double) -> String {
    let milliseconds = Int((value * 1_000).rounded())
    return "\(milliseconds / 1_000)." + String(String(1_000 + milliseconds % 1_000).dropFirst())
  }

  private static let requiredSettings = [
    required("fsync", "on") {
      .fail($0, "Set fsync = on: a power failure can lose confirmed charges, or the whole database")
    },
    required("full_page_writes", "on") {
      .warn($0, "Set full_page_writes = on, unless the file system never tears a page (ZFS)")
    },
    required("default_transaction_isolation", "read committed") {
      .fail($0, "Set it to read committed for this login and database: verifications would fail")
    },
    required("default_transaction_read_only", "off") {
      .fail($0, "Set it to off for this login and database: nothing can be charged")
    },
    required("session_replication_role", "origin") {
      .fail(
        "\($0): no trigger fires, so a lowered limit may not take effect",
        "RESET it for this login and database, then as keymeter_owner UPDATE keymeter.api_key_secrets "
          + "SET scopes = scopes, a few thousand rows at a time")
    },
    required("row_security", "on") {
      .fail($0, "Set it to on for this login and database: queries on tenants' tables would fail")
    },
  ]

  /// A setting with one correct value.
  private static func required(
    _ name: String, _ value: String, otherwise judge: @escaping @Sendable (String) -> CheckResult
  ) -> DatabaseCheck {
    DatabaseCheck(name) { database in
      let setting = try await database.serverSetting(name)
      return setting.value == value ? .ok(value) : judge(setting.description)
    }
  }

  private static let synchronousCommit = DatabaseCheck("synchronous_commit") { database in
    let setting = try await database.serverSetting("synchronous_commit")
    let hasStandby = try await !database.serverSetting("synchronous_standby_names").value.isEmpty
    let advice = "Set synchronous_commit = on for this login and database"
    return switch setting.value {
    case "off": .fail("\(setting.description): a crash can lose confirmed charges", advice)
    case "local" where hasStandby: .warn("\(setting.description): commits don't wait for the standby", advice)
    case "remote_write" where hasStandby:
      .warn("\(setting.description): the standby may not have synced a confirmed charge", advice)
    default: .ok(setting.value)
    }
  }

  private static let standby = DatabaseCheck("standby") { database in
    let row = try await database.row(DoctorStatements.standbys)
    if try row.decode("is_standby", as: Bool.self) {
      return .fail(
        "the server is a standby", "Name the primary in DATABASE_URL, without target_session_attrs")
    }
    let count = try row.decode("standbys", as: Int64.self)
    let names = try await database.serverSetting("synchronous_standby_names").value
    let found = count == 1 ? "1 standby" : "\(count) standbys"
    if names.isEmpty {
      return .ok("\(found), none synchronous: if the primary's disk is lost, so are the last commits")
    }
    guard count > 0 else {
      return .warn(
        "no standby is connected, and commits wait for \(names)",
        "Start the standby, or clear synchronous_standby_names on a promoted primary")
    }
    return .ok("\(found), synchronous: \(names)")
  }

  private static let statementTimeout = DatabaseCheck("statement_timeout") { database in
    let value = try await database.serverSetting("statement_timeout").value
    guard value != "0" else {
      return .warn(
        "off: a pooler drops the server's startup parameters",
        "ALTER ROLE … SET statement_timeout = '5s' for the server's login")
    }
    return .ok("\(value) ms")
  }

  private static let idleTimeout = DatabaseCheck("idle_in_transaction_session_timeout") { database in
    let setting = try await database.serverSetting("idle_in_transaction_session_timeout")
    let milliseconds = Int(setting.value) ?? 0
    guard milliseconds < 1_000 else { return .ok("\(milliseconds) ms") }
    return .warn(
      milliseconds == 0
        ? "off: a node that freezes in a transaction keeps its locks"
        : "\(milliseconds) ms (from: \(setting.source)): it would end the transactions of a busy node",
      "ALTER ROLE … SET idle_in_transaction_session_timeout = '30s' for the server's login")
  }

  private static let connectionSlots = DatabaseCheck("connection-slots") { database in
    let wanted = database.settings.connectionsOfOneNode
    guard !database.isPooled else { return .ok("a node opens up to \(wanted). The pooler's limits apply") }
    let settings = try await database.serverSettings(
      "max_connections", "superuser_reserved_connections", "reserved_connections")
    let values = settings.mapValues { Int($0.value) ?? 0 }
    let reserved =
      values["superuser_reserved_connections", default: 0] + values["reserved_connections", default: 0]
    let row = try await database.row(DoctorStatements.connections)
    let used = Int(try row.decode("connections", as: Int64.self))
    let slots = min(
      values["max_connections", default: 0] - reserved,
      try row.decode("login_limit", as: Int32?.self).map { Int($0) } ?? .max,
      try row.decode("database_limit", as: Int32?.self).map { Int($0) } ?? .max)
    let found = "a node opens up to \(wanted), PostgreSQL allows \(slots), \(used) are in use"
    if wanted > slots {
      return .fail(
        found, "Raise max_connections (or the login's limit), or lower KEYMETER_DATABASE_CONNECTIONS")
    }
    guard wanted <= slots - used else {
      return .warn(found, "Before you start another node, raise max_connections or use PgBouncer")
    }
    return .ok(found)
  }

  /// For information: the right value depends on the machine.
  private static let sharedBuffers = DatabaseCheck("shared_buffers") { database in
    let settings = try await database.serverSettings("shared_buffers", "huge_pages")
    // In pages of 8 KiB.
    let megabytes = (settings["shared_buffers"].flatMap { Int($0.value) } ?? 0) / 128
    let hugePages = settings["huge_pages"]?.value ?? "unknown"
    let found = "\(megabytes) MiB, huge_pages \(hugePages)"
    if megabytes <= 128 { return .ok("\(found): for many keys, use a quarter of the machine's memory") }
    if megabytes >= 8_192, hugePages == "off" {
      return .ok("\(found): huge pages would save memory and time")
    }
    return .ok(found)
  }
}
