public import Postgres

/// What the login, and the role that it becomes, could do beyond what a server needs.
///
/// The server doesn't refuse to start for it, as it does for what ``ServerRoleCheck`` finds: it is what whoever gets to send
/// statements of his own would have besides, and `keymeter doctor` tells of it.
public struct ExcessPrivileges: Sendable, Equatable {
  /// Roles that the login can become or has the rights of, `keymeter_app` and those that only show statistics and settings
  /// left out.
  public let memberships: [String]
  /// Whether the login may make roles and change them (`CREATEROLE`).
  public let createsRoles: Bool
  /// Whether the login may make databases (`CREATEDB`).
  public let createsDatabases: Bool
  /// Whether the database is the login's.
  public let ownsDatabase: Bool
  /// Keymeter's tables of which the login itself was granted something, or which it owns.
  public let granted: [String]
  /// Whether `keymeter_app` can make something in the schema `keymeter`, where functions of the owner look.
  public let appCreates: Bool
  /// Keymeter's tables on which `keymeter_app` can make triggers, which run as whoever writes there.
  public let appTriggers: [String]

  /// Asks the database.
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
