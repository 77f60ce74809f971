/// Keymeter's database roles and what each may do (contract §6).
public enum DatabaseRole: String, Sendable, CaseIterable {
  /// Owns everything. Runs migrations and the commands that act across tenants.
  case owner = "keymeter_owner"
  /// The server's role: one tenant at a time, no DDL, and it can only append to the audit log.
  case app = "keymeter_app"
  /// May only SELECT from the views of the schema `reporting`.
  case reporting = "keymeter_reporting"

  /// The search path of every connection, which overrides the login's own.
  ///
  /// With CREATE on a schema of that path, an attacker could shadow PostgreSQL's functions and operators.
  public static let searchPath = "pg_catalog,pg_temp"
}
