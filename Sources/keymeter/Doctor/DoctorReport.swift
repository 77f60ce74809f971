import ArgumentParser

/// What `keymeter doctor` says, and how it ends.
struct DoctorReport: Sendable {
  let findings: [Finding]

  /// The worst that was found; what was skipped counts for nothing, because the check that it waited for is there.
  var status: CheckResult.Level {
    let levels = findings.map(\.verdict.level)
    return levels.contains(.fail) ? .fail : levels.contains(.warn) ? .warn : .ok
  }

  /// Whether the settings themselves can't be used, which is told apart from a world that they don't fit.
  private var settingsAreUnusable: Bool {
    findings.contains { $0.name == DoctorRun.settingsName && $0.verdict.level == .fail }
  }

  /// 0, 1 or 78 (contract §7).
  ///
  /// - Parameter strict: whether a warning counts as a failure.
  func exitCode(strict: Bool) -> Int32 {
    if settingsAreUnusable { return CommandFailure.configuration.rawValue }
    return status == .fail || strict && status == .warn ? 1 : 0
  }

  /// One JSON object on one line.
  func json() throws -> String {
    try jsonText(Document(status: status, checks: findings.map(Document.Check.init)))
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
  var line: String {
    let level = verdict.level.rawValue + String(repeating: " ", count: 4 - verdict.level.rawValue.count)
    let padding = String(repeating: " ", count: max(0, Self.width - name.count))
    let advice = verdict.advice.map { ". \($0)" } ?? ""
    // What a database says of itself may be meant for the terminal.
    return "\(level)  \(name)\(padding)  \(verdict.found)\(advice)".oneLine.showingInvisibles
  }
}

extension String {
  /// With line ends, as libpq's messages have them, turned into spaces.
  var oneLine: String {
    split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }.joined(separator: " ")
  }
}
