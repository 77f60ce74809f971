import KeymeterServer

/// What `keymeter doctor` says, and how it ends.
package struct DoctorReport: Sendable, Encodable {
  let findings: [Finding]

  /// The worst that was found; what was skipped counts for nothing, because the check that it waited for is there.
  package var status: CheckResult.Level {
    let levels = findings.map(\.verdict.level)
    return levels.contains(.fail) ? .fail : levels.contains(.warn) ? .warn : .ok
  }

  /// Whether the settings themselves can't be used, which is told apart from a world that they don't fit.
  package var settingsAreUnusable: Bool {
    findings.contains { $0.name == DoctorRun.settingsName && $0.verdict.level == .fail }
  }

  package func encode(to encoder: any Encoder) throws {
    try Document(status: status, checks: findings.map(Document.Check.init)).encode(to: encoder)
  }

  private struct Document: Encodable {
    let status: CheckResult.Level
    let checks: [Check]

    struct Check: Encodable {
      let name: String
      let status: CheckResult.Level
      let found: String
      let advice: String?

      init(_ finding: Finding) {
        name = finding.name
        status = finding.verdict.level
        found = finding.verdict.found
        advice = finding.verdict.advice
      }
    }
  }
}

extension Finding {
  /// The widest name that a line is laid out for.
  private static let width = 35

  /// Level, name, what was found, and what to do about it: one line.
  package var line: String {
    let level = verdict.level.rawValue + String(repeating: " ", count: 4 - verdict.level.rawValue.count)
    let padding = String(repeating: " ", count: max(0, Self.width - name.count))
    let advice = verdict.advice.map { ". \($0)" } ?? ""
    // What a database says of itself may be meant for the terminal.
    return "\(level)  \(name)\(padding)  \(verdict.found)\(advice)".oneLine.showingInvisibles
  }
}
