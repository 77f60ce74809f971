import KeymeterRepository

/// Whether an answered charge outlives the primary: for information, unless commits wait for nobody.
struct StandbyCheck: DatabaseCheck {
  static let setting = "synchronous_standby_names"
  let name = "standby"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let facts = try await database.inspection.server()
    let names = try await database.setting(Self.setting)?.value ?? ""
    if facts.isStandby {
      return .fail(
        "this is a standby", advice: "Leave target_session_attrs out of DATABASE_URL, and name the primary")
    }
    let number = facts.standbys == 1 ? "1 standby" : "\(facts.standbys) standbys"
    if names.isEmpty {
      return .ok("\(number), none synchronous: what was just committed is lost if the primary's disk is")
    }
    guard facts.standbys > 0 else {
      return .warn(
        "\(Self.setting) is \(names), and no standby is connected: commits wait for one",
        advice: "Start the standby, or clear the setting on a primary that was promoted")
    }
    return .ok("\(number), synchronous: \(names)")
  }
}
