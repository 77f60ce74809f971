import KeymeterRepository

/// Whether what verifications judge keys by follows the keys' records.
struct KeyFactsCheck: DatabaseCheck {
  let name = "key-facts"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> Verdict {
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
    return .ok("kept beside each secret by \(SchemaTriggers.keyFacts.names.count) triggers")
  }
}
