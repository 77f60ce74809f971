public import Postgres

/// The privileges of the login and its role beyond what a server needs.
///
/// Not fatal, unlike the findings of ``ServerRoleCheck``: excess privileges matter only after SQL injection.
/// `keymeter doctor` warns.
public struct ExcessPrivileges: Sendable, Equatable {
  /// The roles that the login is a member of, except `keymeter_app` and roles that only read statistics and
  /// settings.
  public let memberships: [String]
  /// Whether the login may create and alter roles (`CREATEROLE`).
  public let createsRoles: Bool
  /// Whether the login may create databases (`CREATEDB`).
  public let createsDatabases: Bool
  /// Whether the login owns the database.
  public let ownsDatabase: Bool
  /// Keymeter's tables that the login owns or has direct grants on.
  public let granted: [String]
  /// Whether `keymeter_app` can create objects in the schema `keymeter`, which the owner's functions search.
  public let appCreates: Bool
  /// Keymeter's tables on which `keymeter_app` can create triggers, which run with the writer's privileges.
  public let appTriggers: [String]

  /// Queries the database.
  ///
  /// - Throws: `PostgresError`.
  public static func current(on pool: ConnectionPool) async throws -> ExcessPrivileges {
    try await pool.withConnection { try ExcessPrivileges(try await $0.row(of: RoleStatements.reach, [])) }
  }

  private init(_ row: Row) throws {
    memberships = try row.decode("memberships", as: [String].self)
    createsRoles = try row.decode("creates_roles", as: Bool.self)
    createsDatabases = try row.decode("creates_databases", as: Bool.self)
    ownsDatabase = try row.decode("owns_database", as: Bool.self)
    granted = try row.decode("granted", as: [String].self)
    appCreates = try row.decode("app_creates", as: Bool.self)
    appTriggers = try row.decode("app_triggers", as: [String].self)
  }
}
