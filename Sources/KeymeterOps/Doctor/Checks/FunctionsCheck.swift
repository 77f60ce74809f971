import KeymeterRepository

/// Whether the database runs the functions of this binary, by the ledger's checksums and by their definitions.
struct FunctionsCheck: DatabaseCheck {
  let name = "functions"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let state = try await Migrator(pool: database.pool).state()
    guard state.unknown.isEmpty else { return .ok("those of a newer version") }
    guard state.outdatedFunctions.isEmpty else {
      return .fail(
        "\(state.outdatedFunctions.joined(separator: ", ")) not applied", advice: "Run `keymeter migrate`")
    }
    let (altered, unknown) = try await database.inspection.deviatingFunctions()
    guard altered.isEmpty else {
      return .fail(
        "somebody has changed \(altered.joined(separator: ", "))"
          + (unknown.isEmpty ? "" : "; \(Self.words(unknown))"),
        advice:
          "Find out who, then delete their rows of keymeter_home.schema_functions and run `keymeter migrate`"
      )
    }
    guard unknown.isEmpty else {
      return .fail(Self.words(unknown), advice: "Find out whose they are, then DROP FUNCTION keymeter.…")
    }
    return .ok("all are this binary's")
  }

  private static func words(_ unknown: [String]) -> String {
    "no version has made \(unknown.joined(separator: ", "))"
  }
}
