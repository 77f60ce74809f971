/// The roles that migration 0009 makes, and what each may do (contract §6).
public enum DatabaseRole: String, Sendable, CaseIterable {
  /// Owns everything: migrations, and what the command line does across tenants.
  case owner = "keymeter_owner"
  /// The server: one tenant at a time, no DDL, and of the audit log only to add to it.
  case app = "keymeter_app"
  /// SELECT on the views of the schema `reporting`, and nothing else.
  case reporting = "keymeter_reporting"

  /// The search path of every connection, whatever the login's own is: whoever may create in a schema of that could put a
  /// function or an operator of his own in the place of PostgreSQL's.
  public static let searchPath = "pg_catalog,pg_temp"
}
