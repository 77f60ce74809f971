import KeymeterRepository

/// Whether PostgreSQL is new enough.
struct VersionCheck: DatabaseCheck {
  let name = "server-version"

  private static let oldest = 15

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let facts = try await database.inspection.server()
    guard facts.versionNumber >= Self.oldest * 10_000 else {
      return .fail("PostgreSQL \(facts.version)", advice: "Keymeter needs PostgreSQL \(Self.oldest) or newer")
    }
    return .ok("PostgreSQL \(facts.version)")
  }
}
