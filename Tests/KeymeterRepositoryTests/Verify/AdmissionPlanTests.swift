import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Row-level security must not cost admission a table scan: the planner folds the owner's policy away.
@Suite("Admission under row-level security", .timeLimit(.minutes(10)))
struct AdmissionPlanTests {
  @Test(
    "Admission scans tables and indexes equally often with and without row-level security",
    arguments: ["admit_groups", "admit_many", "admit"])
  func sameScans(function: String) async throws {
    let with = try await scans(of: function, preparedBy: "")
    let without = try await scans(of: function, preparedBy: Self.withoutRowSecurity)
    #expect(with == without)
    #expect(with.contains { $0.contains("api_key_secrets_secret_hash_key") })
    // Everything that each request reads is found by hash, with any statistics (decision 20).
    if function != "admit_many" {
      #expect(!with.contains { $0.contains("api_keys") }, "\(with)")
      #expect(with.contains { $0.contains("usage_monthly_counter_idx") }, "\(with)")
      #expect(!with.contains { $0.contains("_pkey") && !$0.contains("organisations_pkey") }, "\(with)")
    }
    #expect(!with.contains { $0.hasPrefix("sequential") }, "\(with)")
  }

  private static let withoutRowSecurity = """
    DO $$
    DECLARE tenants regclass;
    BEGIN
      FOR tenants IN SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relrowsecurity LOOP
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', tenants);
      END LOOP;
    END
    $$;
    """

  /// Enough rows to make a sequential scan more expensive than an index scan.
  private static let manyOthers = """
    INSERT INTO keymeter.api_keys (
      organisation_id, key_id, friendly_name, root, environment, scopes, linkage_id, key_hint)
    SELECT 'org_a', 'key_other_' || n, 'Other', false, 'PRODUCTION', '{*}', 'other_' || n, 'sk_live_…0000'
    FROM generate_series(1, 3000) AS n;
    INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
    SELECT organisation_id, key_id, sha256(key_id::bytea), 'p' FROM keymeter.api_keys WHERE linkage_id LIKE 'other%';
    INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month)
    SELECT organisation_id, key_id, \(ReportingSeed.thisMonth) FROM keymeter.api_keys WHERE linkage_id LIKE 'other%';
    UPDATE keymeter.usage_monthly SET day = \(ReportingSeed.today);
    """

  /// Three keys whose counters are at today, as on every request except the first of a day.
  private static let keys = ["one", "two", "three"]

  /// The number of scans of each table and index during one call, from the transaction's statistics.
  private func scans(of function: String, preparedBy preparation: String) async throws -> [String] {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 1) { pool in
        try await pool.withConnection { connection in
          for key in Self.keys {
            try await connection.executeScript(
              """
              \(ReportingSeed.key("key_\(key)"))
              \(ReportingSeed.month("key_\(key)", used: "0, 0, 0"))
              INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
              VALUES ('org_a', 'key_\(key)', sha256('\(key)'), 'p');
              """)
          }
          try await connection.executeScript("\(Self.manyOthers) \(preparation)")
          try await connection.executeScript("ANALYZE")
        }
      }
      return try await database.withPool(maximumConnections: 1, as: .app) { pool in
        try await pool.withTransaction { connection in
          let decisions = try await connection.execute(Statement("test_admit", Self.call(function))).rows.map
          {
            try $0.decode("decision", as: String.self)
          }
          #expect(decisions == Self.decisions(function))
          return try await connection.execute(Self.statistics).rows.map {
            try $0.decode("line", as: String.self)
          }
        }
      }
    }
  }

  private static func decisions(_ function: String) -> [String] {
    Array(repeating: "admitted", count: function == "admit" ? 1 : 3)
  }

  private static func call(_ function: String) -> String {
    guard function != "admit" else {
      return
        "SELECT decision FROM keymeter.admit(ARRAY[sha256('\(keys[0])')], NULL, 1, 0, 0, NULL, NULL, NULL)"
    }
    let hashes = keys.map { "sha256('\($0)')" }.joined(separator: ", ")
    func all(_ value: String) -> String { "array_fill(\(value), ARRAY[\(keys.count)])" }
    let counts = function == "admit_groups" ? "\(all("1")), " : ""
    return """
      SELECT decision FROM keymeter.\(function)(ARRAY[\(hashes)], \(all("NULL::text")), \(counts)
        \(all("1::bigint")), \(all("0::bigint")), \(all("0::bigint")), \(all("NULL::text")),
        \(all("NULL::text")), \(all("NULL::inet")))
      """
  }

  private static let statistics = Statement(
    "test_scans",
    """
    SELECT 'sequential ' || relname || ' ' || seq_scan AS line FROM pg_catalog.pg_stat_xact_user_tables
    WHERE schemaname = 'keymeter' AND seq_scan > 0
    UNION ALL
    SELECT 'index ' || c.relname || ' ' || pg_catalog.pg_stat_get_xact_numscans(c.oid) AS line
    FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    WHERE c.relnamespace = 'keymeter'::regnamespace AND pg_catalog.pg_stat_get_xact_numscans(c.oid) > 0
    ORDER BY line
    """)
}
