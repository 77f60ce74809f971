/// The result of one check of `keymeter doctor`.
package struct CheckResult: Sendable, Equatable {
  package enum Level: String, Sendable, Encodable {
    /// As it should be.
    case ok
    /// Unknown, because of another check's result.
    case skip
    /// It works, but not as it should.
    case warn
    /// A guarantee is broken, or the server would not start.
    case fail
  }

  package let level: Level
  /// What the check found.
  ///
  /// Never a secret.
  package let found: String
  /// What to do.
  ///
  /// Nil for `ok` and `skip`.
  package let advice: String?

  static func ok(_ found: String) -> CheckResult { CheckResult(level: .ok, found: found, advice: nil) }
  static func skip(_ reason: String) -> CheckResult { CheckResult(level: .skip, found: reason, advice: nil) }
  static func warn(_ found: String, _ advice: String) -> CheckResult {
    CheckResult(level: .warn, found: found, advice: advice)
  }
  static func fail(_ found: String, _ advice: String) -> CheckResult {
    CheckResult(level: .fail, found: found, advice: advice)
  }
}

/// The result of the check with this name.
package struct Finding: Sendable, Equatable {
  package let name: String
  package let result: CheckResult
}
