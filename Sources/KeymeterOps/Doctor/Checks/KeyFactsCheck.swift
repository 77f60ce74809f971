import KeymeterRepository

/// Whether what verifications judge keys by follows the keys' records, and is what they have.
struct KeyFactsCheck: DatabaseCheck {
  let name = "key-facts"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let isNewer = try await !Migrator(pool: database.pool).state().unknown.isEmpty
    let faults = try await database.inspection.faults(of: .keyFacts, mayBeOthers: isNewer)
    guard faults.isEmpty else {
      return .fail(
        "\(faults.joined(separator: "; ")): a limit that is lowered need not take effect",
        advice:
          "As keymeter_owner: ALTER TABLE keymeter.… ENABLE TRIGGER …, or put the trigger and its function back as the "
          + "migrations 0014 and 0015 make them, and drop what they don't; then UPDATE keymeter.api_key_secrets "
          + "SET scopes = scopes, a few thousand rows a transaction")
    }
    guard !isNewer else { return .ok("those of a newer version") }
    return try await compared(database)
  }

  /// Triggers that work now may have been off, or past them, when a key was changed.
  private func compared(_ database: ExaminedDatabase) async throws -> CheckResult {
    let kept = "kept beside each secret by \(SchemaTriggers.keyFacts.names.count) triggers"
    guard let differing = try await database.inspection.differingKeyFacts() else {
      return .warn(
        "\(kept), and too many to be compared with the keys' records in time",
        advice:
          "As keymeter_owner, where there is time: SELECT keymeter.stale_secret_count(), which should be 0")
    }
    guard differing > 0 else { return .ok("\(kept), and the same as in the keys' records") }
    return .fail(
      "\(differing) secrets are judged by other facts than their keys' records have",
      advice:
        "As keymeter_owner: UPDATE keymeter.api_key_secrets SET scopes = scopes, a few thousand rows a transaction"
    )
  }
}
