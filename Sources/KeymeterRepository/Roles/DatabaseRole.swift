/// The roles that migration 0009 makes, and what each may do (contract §6).
public enum DatabaseRole: String, Sendable, CaseIterable {
  /// Owns everything: migrations, and what the command line does across tenants.
  case owner = "keymeter_owner"
  /// The server: one tenant at a time, no DDL, and of the audit log only to add to it.
  case app = "keymeter_app"
  /// SELECT on the views of the schema `reporting`, and nothing else.
  case reporting = "keymeter_reporting"
}
