public import Postgres

/// The role that a pool's connections act as, and whether it is safe to serve with.
public struct ServerRoleCheck: Sendable, Equatable {
  /// The effective role: the login, or the role that it has switched to.
  public let role: String
  /// The login.
  public let login: String
  /// Whether the login bypasses row-level security (a superuser, or BYPASSRLS).
  ///
  /// It can always switch back to itself.
  public let loginIsUnbound: Bool
  /// Whether the login can switch to `keymeter_owner`.
  public let loginCanOwn: Bool
  /// Whether the role has the privileges of `keymeter_owner`.
  public let isOwner: Bool
  /// Why the role must not serve, worded for the operator.
  ///
  /// Nil if it may.
  public let unfitness: String?

  /// Queries the database.
  ///
  /// - Throws: `PostgresError`.
  public static func current(on pool: ConnectionPool) async throws -> ServerRoleCheck {
    try await pool.withTransaction { connection in
      try ServerRoleCheck(try await connection.row(of: RoleStatements.standing, []))
    }
  }

  private init(_ row: Row) throws {
    role = try row.decode("role", as: String.self)
    login = try row.decode("login", as: String.self)
    loginIsUnbound = try row.decode("login_is_unbound", as: Bool.self)
    loginCanOwn = try row.decode("login_can_own", as: Bool.self)
    isOwner = try row.decode("is_owner", as: Bool.self)
    unfitness =
      if try row.decode("is_superuser", as: Bool.self) {
        "is a superuser"
      } else if try row.decode("bypasses", as: Bool.self) {
        "has BYPASSRLS"
      } else if let bypassing = try row.decode("bypassing_role", as: String?.self) {
        "can become \(bypassing), which bypasses row-level security"
      } else if try row.decode("alters_audit_log", as: Bool.self) {
        "can alter the audit log"
      } else if try !row.decode("is_app", as: Bool.self) {
        "lacks the rights of \(DatabaseRole.app.rawValue)"
      } else {
        nil
      }
  }
}

/// The server's role is not safe to serve with.
public struct UnfitRoleError: Error, Sendable, CustomStringConvertible {
  private let standing: ServerRoleCheck
  private let unfitness: String

  /// Creates an error about a role.
  ///
  /// Nil if the role is fine.
  public init?(_ standing: ServerRoleCheck) {
    guard let unfitness = standing.unfitness else { return nil }
    self.standing = standing
    self.unfitness = unfitness
  }

  /// One line with the role, the problem and the fix.
  public var description: String {
    "the database role \(standing.role) \(unfitness): let DATABASE_URL name a login that is a member of "
      + "\(DatabaseRole.app.rawValue) (see docs/operations.md)"
  }
}
