import KeymeterRepository

/// Whether PostgreSQL ends a statement that takes too long, which the server asks for when it connects.
struct StatementTimeoutCheck: DatabaseCheck {
  let name = "statement_timeout"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    guard let milliseconds = try await database.setting(name).flatMap({ Int($0.value) }) else {
      return .skip("this server has no such setting")
    }
    guard milliseconds > 0 else {
      return .warn(
        "off: a pooler has kept what the server asks for from PostgreSQL",
        advice: "ALTER ROLE … SET statement_timeout = '5s' for the server's login")
    }
    return .ok("\(milliseconds) ms")
  }
}
