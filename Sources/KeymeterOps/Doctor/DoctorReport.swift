import KeymeterServer

/// All findings of a run of `keymeter doctor`.
///
/// Its JSON is documented in docs/operations.md.
package struct DoctorReport: Sendable, Encodable {
  let findings: [Finding]

  /// The worst level.
  ///
  /// A skipped check does not count, because its cause does.
  package var status: CheckResult.Level {
    let levels = findings.map(\.result.level)
    return levels.contains(.fail) ? .fail : levels.contains(.warn) ? .warn : .ok
  }

  /// The settings are wrong, as opposed to the database or the machine.
  package var settingsAreUnusable: Bool {
    findings.contains { $0.name == "settings" && $0.result.level == .fail }
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
        status = finding.result.level
        found = finding.result.found
        advice = finding.result.advice
      }
    }
  }
}

extension Finding {
  /// The length of the longest name.
  private static let width = 35

  /// One line: level, name, what was found, what to do.
  package var line: String {
    let level = result.level.rawValue + String(repeating: " ", count: 4 - result.level.rawValue.count)
    let padding = String(repeating: " ", count: max(0, Self.width - name.count))
    let advice = result.advice.map { ". \($0)" } ?? ""
    // Names in the database could contain control characters for the terminal.
    return "\(level)  \(name)\(padding)  \(result.found)\(advice)".oneLine.showingInvisibles
  }
}
