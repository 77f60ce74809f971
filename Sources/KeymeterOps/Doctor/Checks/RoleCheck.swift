import KeymeterRepository

/// Whether the role that the server acts as may neither more nor less than it must.
struct RoleCheck: DatabaseCheck {
  static let name = "role"
  var name: String { Self.name }

  private static let advice =
    "Let DATABASE_URL name a login that is a member of \(DatabaseRole.app.rawValue) and of nothing else "
    + "(docs/operations.md, Roles)"

  private static let revocation =
    "As a superuser, revoke it from \(DatabaseRole.app.rawValue), from PUBLIC and from what the role is a member of"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let standing = try await ServerRoleCheck.current(on: database.pool)
    let acting = standing.role == standing.login ? standing.login : "\(standing.login), as \(standing.role)"
    if let unfitness = standing.unfitness {
      return .fail(
        "the database role \(standing.role) \(unfitness): serve doesn't start", advice: Self.advice)
    }
    let reach = try await ExcessPrivileges.current(on: database.pool)
    if let excess = reach.excess {
      return .fail("the database role \(DatabaseRole.app.rawValue) \(excess)", advice: Self.revocation)
    }
    if standing.loginIsUnbound {
      return .warn("row-level security doesn't bind the login \(acting)", advice: Self.advice)
    }
    if standing.loginCanOwn {
      return .warn("the login \(acting), can become \(DatabaseRole.owner.rawValue)", advice: Self.advice)
    }
    let surplus = reach.surplus
    guard surplus.isEmpty else {
      return .warn("the login \(acting), \(surplus.joined(separator: ", "))", advice: Self.advice)
    }
    return .ok(acting)
  }
}

extension ExcessPrivileges {
  /// What keymeter_app could do that no migration lets it do; nil where that is nothing.
  fileprivate var excess: String? {
    if appCreates { return "can create in the schema keymeter" }
    return appTriggers.isEmpty ? nil : "can make triggers on \(appTriggers.joined(separator: ", "))"
  }

  /// What the login could do besides being the server, in words.
  fileprivate var surplus: [String] {
    [
      memberships.isEmpty
        ? nil : "is a member of " + memberships.map { $0.quoted(by: "\"") }.joined(separator: ", "),
      createsRoles ? "has CREATEROLE" : nil,
      createsDatabases ? "has CREATEDB" : nil,
      ownsDatabase ? "owns the database" : nil,
      granted.isEmpty ? nil : "has rights of its own on \(granted.joined(separator: ", "))",
    ].compactMap(\.self)
  }
}
