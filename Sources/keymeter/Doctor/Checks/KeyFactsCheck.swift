import KeymeterRepository

/// Whether what verifications judge keys by follows the keys' records.
struct KeyFactsCheck: DatabaseCheck {
  let name = "key-facts"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> Verdict {
    let state = try await Migrator(pool: database.pool).state()
    guard state.unknown.isEmpty else { return .ok("those of a newer version") }
    let triggers = try await database.inspection.keyFactTriggers()
    let faults = triggers.compactMap { trigger in trigger.fault.map { "\(trigger.name) \($0)" } }
    guard faults.isEmpty else {
      return .fail(
        "\(faults.joined(separator: "; ")): a limit that is lowered need not take effect",
        advice:
          "As keymeter_owner: ALTER TABLE keymeter.… ENABLE TRIGGER …, or put the trigger and its function back as the "
          + "migrations 0014 and 0015 make them; then UPDATE keymeter.api_key_secrets SET scopes = scopes, a few "
          + "thousand rows a transaction")
    }
    return .ok("kept beside each secret by \(triggers.count) triggers")
  }
}
