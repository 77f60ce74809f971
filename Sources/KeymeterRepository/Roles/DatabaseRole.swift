/// The roles of a database, which migration 0001 creates (contract §6).
public enum DatabaseRole: String, Sendable, CaseIterable {
  /// Owns everything. Migrations and command-line operations across tenants run as this role.
  case owner = "keymeter_owner"
  /// The server: one tenant at a time, no DDL, append-only access to the audit log.
  case app = "keymeter_app"
  /// SELECT on the views of the schema `reporting` only.
  case reporting = "keymeter_reporting"

  /// The search path of every connection, in place of the login's own: a role that may create objects in a schema of the
  /// path could shadow PostgreSQL's functions and operators.
  public static let searchPath = "pg_catalog,pg_temp"
}
