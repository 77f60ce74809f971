import KeymeterTesting
import Postgres

@testable import KeymeterRepository

/// Inserts test rows for reporting by SQL, so that no limit applies.
enum ReportingSeed {
  /// A key of `org_a` by default.
  ///
  /// Times are SQL expressions, and limits are ordered requests, tokens, seconds.
  static func key(
    _ id: String, organisation: String = "org_a", limits: String = "NULL, NULL, NULL", root: Bool = false,
    createdAt: String = "now()", expiresAt: String = "NULL", revokedAt: String = "NULL",
    lastUsedAt: String = "NULL"
  ) -> String {
    """
    INSERT INTO keymeter.organisations (organisation_id, provider_id, name)
    VALUES ('\(organisation)', 'provider-\(organisation)', 'Name of \(organisation)') ON CONFLICT DO NOTHING;
    INSERT INTO keymeter.api_keys (
      organisation_id, key_id, friendly_name, root, environment, scopes,
      usage_limit, monthly_token_limit, monthly_stt_secs_limit,
      linkage_id, key_hint, created_at, expires_at, revoked_at, last_used_at)
    VALUES (
      '\(organisation)', '\(id)', 'Name of \(id)', \(root), 'PRODUCTION', '{*}', \(limits),
      'linkage-\(id)', 'sk_live_…0000', \(createdAt), \(expiresAt), \(revokedAt), \(lastUsedAt));
    """
  }

  /// A month's counter.
  ///
  /// Amounts are requests, tokens, seconds.
  static func month(
    _ key: String, organisation: String = "org_a", month: String = thisMonth, used: String,
    reserved: String = "0, 0, 0", lastUsedAt: String = "NULL"
  ) -> String {
    """
    INSERT INTO keymeter.usage_monthly (
      organisation_id, key_id, month, used_requests, used_tokens, used_stt_secs,
      reserved_requests, reserved_tokens, reserved_stt_secs, last_used_at)
    VALUES ('\(organisation)', '\(key)', \(month), \(used), \(reserved), \(lastUsedAt));
    """
  }

  static func day(_ key: String, organisation: String = "org_a", day: String, used: String) -> String {
    """
    INSERT INTO keymeter.usage_daily (organisation_id, key_id, day, requests, tokens, stt_secs)
    VALUES ('\(organisation)', '\(key)', \(day), \(used));
    """
  }

  static let today = "(now() AT TIME ZONE 'UTC')::date"
  static let thisMonth = "date_trunc('month', now() AT TIME ZONE 'UTC')::date"
}

/// A migrated database with a test's rows.
struct ReportingDatabase {
  let pool: ConnectionPool

  static func with(_ seed: String..., body: (ReportingDatabase) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let reporting = ReportingDatabase(pool: pool)
        try await reporting.run(seed.joined(separator: "\n"))
        try await body(reporting)
      }
    }
  }

  func run(_ sql: String) async throws {
    try await pool.withConnection { try await $0.executeScript(sql) }
  }

  /// The rows of a query as text.
  func rows(_ sql: String) async throws -> [[String?]] {
    try await Report(EmbeddedSQLFile(name: "test.sql", text: sql)).run(on: pool).rows
  }
}
