import KeymeterRepository

/// Whether the schema is the one that this binary works on.
struct MigrationsCheck: DatabaseCheck {
  static let name = "migrations"
  var name: String { Self.name }

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let state = try await Migrator(pool: database.pool).state()
    if !state.changed.isEmpty {
      return .fail(
        "\(state.changed.joined(separator: ", ")) changed after being applied",
        advice: "Take the binary that migrated this database, or restore the file")
    }
    if !state.pending.isEmpty {
      return .fail("\(state.pending.joined(separator: ", ")) not applied", advice: "Run `keymeter migrate`")
    }
    guard state.unknown.isEmpty else {
      return .ok(
        "\(state.steps.count) applied, and newer ones of another version: \(state.unknown.joined(separator: ", "))"
      )
    }
    return .ok("\(state.steps.count) applied")
  }
}
