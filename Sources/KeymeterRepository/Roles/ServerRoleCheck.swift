public import Postgres

/// The role that the connections of a pool act as, and whether it is fit for what it is to do.
public struct ServerRoleCheck: Sendable, Equatable {
  /// The role that counts: the login, or what it has become.
  public let role: String
  /// Who logged in.
  public let login: String
  /// Whether row-level security doesn't bind the login (a superuser, or BYPASSRLS), whatever it has become: it can go
  /// back.
  public let loginIsUnbound: Bool
  /// Whether the login can become `keymeter_owner`, whatever it has become.
  public let loginCanOwn: Bool
  /// Whether the role has the rights of `keymeter_owner`.
  public let isOwner: Bool
  /// Why the role must not serve, in words for whoever runs the server; nil where it may.
  public let unfitness: String?

  /// Asks the database.
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
      } else if let mightier = try row.decode("mightier", as: String?.self) {
        "can become \(mightier), whom row-level security doesn't bind"
      } else if try row.decode("alters_audit_log", as: Bool.self) {
        "can alter the audit log"
      } else if try !row.decode("is_app", as: Bool.self) {
        "has not got the rights of \(DatabaseRole.app.rawValue)"
      } else {
        nil
      }
  }
}

/// The server would act as a role that it must not act as.
public struct UnfitRoleError: Error, Sendable, CustomStringConvertible {
  private let standing: ServerRoleCheck
  private let unfitness: String

  /// An error about a role; nil where nothing is wrong with it.
  public init?(_ standing: ServerRoleCheck) {
    guard let unfitness = standing.unfitness else { return nil }
    self.standing = standing
    self.unfitness = unfitness
  }

  /// One line: which role, what is wrong with it, and what to do.
  public var description: String {
    "the database role \(standing.role) \(unfitness): let DATABASE_URL name a login that is a member of "
      + "\(DatabaseRole.app.rawValue) (see docs/operations.md)"
  }
}
