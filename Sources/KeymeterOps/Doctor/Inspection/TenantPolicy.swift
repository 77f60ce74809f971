/// The policies that a table of tenants' rows has, as PostgreSQL writes them; it has no others.
///
/// By their text and not by their meaning: what is added to a condition can undo all of it.
enum TenantPolicy {
  static let tenant = "tenant"

  /// As `InspectionStatements.tenantTables` puts them together, by name.
  static let definitions = [
    tenant: "PERMISSIVE FOR ALL TO keymeter_app USING "
      + "(organisation_id = NULLIF(current_setting('keymeter.organisation_id'::text, true), ''::text))"
  ]
}
