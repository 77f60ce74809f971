import KeymeterRepository

/// Whether the role that the server acts as may neither more nor less than it must.
struct RoleCheck: DatabaseCheck {
  static let name = "role"
  var name: String { Self.name }

  private static let advice =
    "Let DATABASE_URL name a login that is a member of \(DatabaseRole.app.rawValue) and of nothing else "
    + "(docs/operations.md, Roles)"

  func judge(_ database: ExaminedDatabase) async throws -> Verdict {
    let standing = try await RoleStanding.current(on: database.pool)
    let acting = standing.role == standing.login ? standing.login : "\(standing.login), as \(standing.role)"
    if let unfitness = standing.unfitness {
      return .fail(
        "the database role \(standing.role) \(unfitness): serve doesn't start", advice: Self.advice)
    }
    if standing.loginIsUnbound {
      return .warn("row-level security doesn't bind the login \(acting)", advice: Self.advice)
    }
    if standing.loginCanOwn {
      return .warn("the login \(acting), can become \(DatabaseRole.owner.rawValue)", advice: Self.advice)
    }
    return .ok(acting)
  }
}
