import KeymeterRepository

/// Whether the database runs the functions of this binary, by the ledger's checksums and by their text.
struct FunctionsCheck: DatabaseCheck {
  let name = "functions"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> Verdict {
    let state = try await Migrator(pool: database.pool).state()
    guard state.unknown.isEmpty else { return .ok("those of a newer version") }
    guard state.outdatedFunctions.isEmpty else {
      return .fail(
        "\(state.outdatedFunctions.joined(separator: ", ")) not applied", advice: "Run `keymeter migrate`")
    }
    let altered = try await database.inspection.alteredFunctions()
    guard altered.isEmpty else {
      return .fail(
        "somebody has changed \(altered.joined(separator: ", "))",
        advice: "Find out who, then delete their rows of keymeter.schema_functions and run `keymeter migrate`"
      )
    }
    return .ok("all are this binary's")
  }
}
