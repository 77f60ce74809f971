/// Whether every setting can be used, and every variable that looks like one is one.
struct SettingsCheck: Sendable {
  let settings: NodeSettings

  var verdict: CheckResult {
    if !settings.problems.isEmpty {
      return .fail(
        settings.problems.joined(separator: "; "),
        advice: "docs/operations.md lists all settings and their values")
    }
    guard settings.unknown.isEmpty else {
      return .warn(
        "no setting has the name \(settings.unknown.joined(separator: ", "))",
        advice: "Look for a slip of the pen: what it was to set has its default")
    }
    return .ok("every setting can be used")
  }
}
