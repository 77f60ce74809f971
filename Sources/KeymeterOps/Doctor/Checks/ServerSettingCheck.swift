import KeymeterRepository

/// Whether one of PostgreSQL's settings, as this login has it, has the one value that is right.
struct ServerSettingCheck: DatabaseCheck {
  /// PostgreSQL's name of it.
  let name: String
  private let expected: String
  private let verdict: @Sendable (String) -> CheckResult

  static let all = [
    ServerSettingCheck(name: "fsync", expected: "on") {
      .fail(
        $0, advice: "Set fsync = on: after a loss of power an answered charge, or the whole database, is gone"
      )
    },
    // Not a failure, for a file system that writes pages whole is in its right.
    ServerSettingCheck(name: "full_page_writes", expected: "on") {
      .warn(
        $0,
        advice:
          "Set full_page_writes = on, unless the file system never tears a page (ZFS): a crash can ruin one")
    },
    ServerSettingCheck(name: "default_transaction_isolation", expected: "read committed") {
      .fail(
        $0,
        advice:
          "Leave it at read committed for this login and database: verifications of one key would fail each other"
      )
    },
    ServerSettingCheck(name: "default_transaction_read_only", expected: "off") {
      .fail($0, advice: "Set it to off for this login and database: nothing can be charged")
    },
    // What it turns off are triggers, foreign keys among them, for whoever connects.
    ServerSettingCheck(name: "session_replication_role", expected: "origin") {
      .fail(
        "\($0): no trigger fires, so a limit that is lowered need not take effect",
        advice:
          "RESET it for this login and database (ALTER DATABASE … RESET session_replication_role), then as keymeter_owner "
          + "UPDATE keymeter.api_key_secrets SET scopes = scopes, a few thousand rows a transaction")
    },
    ServerSettingCheck(name: "row_security", expected: "on") {
      .fail(
        $0,
        advice:
          "Leave it on for this login and database: what row-level security filters is refused as a whole")
    },
  ]

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    guard let setting = try await database.setting(name) else {
      return .skip("this server has no such setting")
    }
    guard setting.value != expected else { return .ok(expected) }
    return verdict("\(setting.value) (from: \(setting.source))")
  }
}
