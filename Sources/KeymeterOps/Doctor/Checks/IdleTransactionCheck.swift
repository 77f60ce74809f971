import KeymeterRepository

/// Whether PostgreSQL ends a transaction whose node has frozen, and lets its locks go.
struct IdleTransactionCheck: DatabaseCheck {
  let name = "idle_in_transaction_session_timeout"

  /// A node that waits this long between two statements is in trouble, and not only busy.
  private static let shortest = 1_000

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    guard let setting = try await database.setting(name), let milliseconds = Int(setting.value) else {
      return .skip("this server has no such setting")
    }
    if milliseconds == 0 {
      return .warn(
        "off: a node that freezes in a transaction holds up the keys that it has locked",
        advice: "ALTER ROLE … SET \(name) = '30s' for the server's login")
    }
    guard milliseconds >= Self.shortest else {
      return .warn(
        "\(milliseconds) ms (from: \(setting.source)): a busy node's transactions are ended",
        advice: "ALTER ROLE … SET \(name) = '30s' for the server's login")
    }
    return .ok("\(milliseconds) ms")
  }
}
