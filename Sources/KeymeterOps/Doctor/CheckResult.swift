/// What one check of `keymeter doctor` came to.
package struct CheckResult: Sendable, Equatable {
  /// How bad it is, the least first.
  package enum Level: String, Sendable, CaseIterable, Encodable {
    /// As it should be.
    case ok
    /// It could not be looked at, because of something that another check tells of.
    case skip
    /// It works, and not as it should.
    case warn
    /// A promise is broken, or the server would not start.
    case fail
  }

  package let level: Level
  /// What was found, in words; never a secret.
  package let found: String
  /// What to do about it; there with `warn` and `fail`.
  package let advice: String?

  private init(_ level: Level, _ found: String, _ advice: String?) {
    self.level = level
    self.found = found
    self.advice = advice
  }

  static func ok(_ found: String) -> CheckResult { CheckResult(.ok, found, nil) }
  static func skip(_ reason: String) -> CheckResult { CheckResult(.skip, reason, nil) }
  static func warn(_ found: String, advice: String) -> CheckResult { CheckResult(.warn, found, advice) }
  static func fail(_ found: String, advice: String) -> CheckResult { CheckResult(.fail, found, advice) }
}

/// A verdict and the check that it is of.
package struct Finding: Sendable, Equatable {
  /// The check's name: lower case, with hyphens.
  package let name: String
  package let verdict: CheckResult
}
