import KeymeterRepository

/// Whether a commit that is answered is on a disk, as this login has it.
struct SynchronousCommitCheck: DatabaseCheck {
  let name = "synchronous_commit"

  private static let advice = "Set synchronous_commit = on for this login and database"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let settings = try await database.inspection.settings([name, StandbyCheck.setting])
    guard let setting = settings[name] else { return .skip("this server has no such setting") }
    let standbys = settings[StandbyCheck.setting]?.value ?? ""
    let found = "\(setting.value) (from: \(setting.source))"
    switch setting.value {
    case "off": return .fail("\(found): a crash takes answered charges back", advice: Self.advice)
    case "local" where !standbys.isEmpty:
      return .warn("\(found): commits don't wait for the synchronous standby", advice: Self.advice)
    case "remote_write" where !standbys.isEmpty:
      return .warn("\(found): the standby may not have it on its disk yet", advice: Self.advice)
    default: return .ok(setting.value)
    }
  }
}
