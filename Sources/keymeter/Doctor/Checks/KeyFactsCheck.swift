import KeymeterRepository

/// Whether what verifications judge keys by follows the keys' records.
struct KeyFactsCheck: DatabaseCheck {
  let name = "key-facts"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> Verdict {
    let idle = try await database.inspection.idleKeyFactTriggers()
    guard idle.isEmpty else {
      return .fail(
        "\(idle.joined(separator: ", ")) missing, off or changed: a limit that is lowered need not take effect",
        advice:
          "As keymeter_owner: ALTER TABLE keymeter.… ENABLE TRIGGER …, then "
          + "UPDATE keymeter.api_key_secrets SET scopes = scopes, a few thousand rows a transaction")
    }
    return .ok("kept beside each secret by three triggers")
  }
}
