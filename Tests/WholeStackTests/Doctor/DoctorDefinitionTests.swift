import KeymeterTesting
import Testing

@Suite("keymeter doctor: functions, the audit log, and how definitions are written", .timeLimit(.minutes(10)))
struct DoctorDefinitionTests {
  @Test(
    "A function that has anything but what this binary's file gives it fails by its name",
    arguments: [
      (
        """
        CREATE OR REPLACE FUNCTION keymeter.bump_counter_version(organisation text, key text) RETURNS void
        LANGUAGE sql SET search_path = pg_catalog, pg_temp AS ''
        """, "bump_counter_version"
      ),
      (
        """
        CREATE OR REPLACE FUNCTION keymeter.month_of(day date) RETURNS date
        LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC SELECT day; END
        """, "month_of"
      ),
      (
        """
        CREATE OR REPLACE FUNCTION keymeter.month_of(day date) RETURNS date
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT day';
        CREATE FUNCTION keymeter.month_of(day timestamp) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT pg_catalog.date_trunc('month', day::timestamp)::date $$
        """, "month_of; no version has made month_of(day timestamp without time zone)"
      ),
      ("ALTER FUNCTION keymeter.key_owner SECURITY INVOKER", "key_owner"),
      ("ALTER FUNCTION keymeter.key_owner SET search_path = public, pg_catalog", "key_owner"),
      ("ALTER FUNCTION keymeter.key_owner OWNER TO CURRENT_USER", "key_owner"),
      ("ALTER FUNCTION keymeter.admit IMMUTABLE", "admit"),
    ])
  func altered(sql: String, words: String) async throws {
    let run = try await DoctorProcess.after(sql)
    #expect(run["functions"]?.status == "fail")
    #expect(run["functions"]?.found == "somebody has changed \(words)", "\(run.text)")
  }

  @Test("A function that no version has made fails by what it takes, whatever it runs")
  func unknown() async throws {
    let run = try await DoctorProcess.after(
      "CREATE FUNCTION keymeter.stranger(a text DEFAULT '') RETURNS text LANGUAGE sql AS 'SELECT a'")
    #expect(run["functions"]?.status == "fail")
    #expect(run["functions"]?.found == "no version has made stranger(a text)", "\(run.text)")
  }

  @Test(
    "An audit log that can be changed fails by the name of what would refuse that, or of what stands beside it",
    arguments: [
      ("ALTER TABLE keymeter.audit_log DISABLE TRIGGER \(refusal)", "\(refusal) is off"),
      ("ALTER TABLE keymeter.audit_log ENABLE REPLICA TRIGGER \(refusal)", "\(refusal) is off"),
      ("DROP TRIGGER \(refusal) ON keymeter.audit_log", "\(refusal) is missing"),
      (
        """
        CREATE OR REPLACE TRIGGER \(refusal) BEFORE UPDATE ON keymeter.audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION keymeter.reject_audit_change()
        """, "\(refusal) is defined otherwise"
      ),
      (
        """
        CREATE OR REPLACE FUNCTION keymeter.reject_audit_change() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NULL; END $$
        """, "\(refusal) runs another function"
      ),
      (
        "CREATE RULE hide AS ON INSERT TO keymeter.audit_log DO INSTEAD NOTHING",
        "hide on audit_log is none of the migrations'"
      ),
    ])
  func auditLog(sql: String, fault: String) async throws {
    let run = try await DoctorProcess.after(sql)
    #expect(run["audit-log"]?.status == "fail")
    #expect(run["audit-log"]?.found == "\(fault): what the log says can be changed", "\(run.text)")
  }

  private static let refusal = "audit_log_is_append_only"

  @Test("How a database would have definitions written makes none of them another")
  func writing() async throws {
    let run = try await DoctorProcess.after(
      """
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database());
        EXECUTE format('ALTER DATABASE %I SET search_path = keymeter, public', current_database());
      END $$
      """)
    for name in ["functions", "key-facts", "audit-log", "row-level-security"] {
      #expect(run[name]?.status == "ok", "\(run.text)")
    }
  }
}
