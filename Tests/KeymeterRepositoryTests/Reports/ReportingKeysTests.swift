import Testing

@testable import KeymeterRepository

@Suite("Key reports: near limit, unused, top consumers", .timeLimit(.minutes(10)))
struct ReportingKeysTests {
  @Test("A key is near its limit from 80 % on, per dimension, with the remaining amount")
  func threshold() async throws {
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1", limits: "1000, 1000, 1000"),
      ReportingSeed.month("key_1", used: "799, 800, 1001", reserved: "0, 9, 0"),
      ReportingSeed.key("key_2", limits: "NULL, 100000, 1"),
      ReportingSeed.month("key_2", used: "9000000, 79999, 1")
    ) { database in
      let near = try await database.rows(
        """
        SELECT key_id, dimension, used, reserved, monthly_limit, remaining, share
        FROM reporting.keys_near_limit ORDER BY key_id, dimension
        """)
      #expect(
        near == [
          ["key_1", "stt_secs", "1001", "0", "1000", "0", "1.0010"],
          ["key_1", "tokens", "800", "9", "1000", "200", "0.8000"],
          ["key_2", "stt_secs", "1", "0", "1", "0", "1.0000"],
        ])
    }
  }

  @Test("A limit of 0 is not reported until the key has usage in spite of it")
  func limitOfNothing() async throws {
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1", limits: "0, 0, NULL"), ReportingSeed.month("key_1", used: "0, 3, 5")
    ) { database in
      let near = try await database.rows(
        "SELECT dimension, used, remaining, share FROM reporting.keys_near_limit")
      #expect(near == [["tokens", "3", "0", "1"]])
    }
  }

  @Test("Only active keys are reported as near a limit, for the current month only")
  func nearNow() async throws {
    let full = "1, 1, 1"
    try await ReportingDatabase.with(
      ReportingSeed.key("key_revoked", limits: full, revokedAt: "now()"),
      ReportingSeed.month("key_revoked", used: full),
      ReportingSeed.key("key_expired", limits: full, expiresAt: "now()"),
      ReportingSeed.month("key_expired", used: full),
      ReportingSeed.key("key_earlier", limits: full),
      ReportingSeed.month(
        "key_earlier", month: "(\(ReportingSeed.thisMonth) - interval '1 month')::date", used: full),
      ReportingSeed.key("key_active", limits: full, expiresAt: "now() + interval '1 day'"),
      ReportingSeed.month("key_active", used: full)
    ) { database in
      let near = try await database.rows("SELECT DISTINCT key_id FROM reporting.keys_near_limit")
      #expect(near == [["key_active"]])
    }
  }

  @Test(
    "An unused key is active and has neither charge nor call this month, and its idle days are counted")
  func unusedKeys() async throws {
    let earlier = "now() - interval '40 days'"
    let earlierMonth = "date_trunc('month', (\(earlier)) AT TIME ZONE 'UTC')::date"
    try await ReportingDatabase.with(
      ReportingSeed.key("key_never", createdAt: earlier),
      ReportingSeed.key("key_new"),
      ReportingSeed.key("key_fenced", createdAt: earlier),
      "SELECT set_config('keymeter.organisation_id', 'org_a', true);",
      "SELECT keymeter.bump_counter_version('org_a', 'key_fenced');",
      ReportingSeed.key("key_charged_before", createdAt: "now() - interval '90 days'"),
      ReportingSeed.month("key_charged_before", month: earlierMonth, used: "1, 0, 0", lastUsedAt: earlier),
      ReportingSeed.key("key_managed_before", root: true, lastUsedAt: earlier),
      ReportingSeed.key("key_managing", root: true, lastUsedAt: "now()"),
      ReportingSeed.key("key_charged"),
      ReportingSeed.month("key_charged", used: "1, 0, 0"),
      ReportingSeed.key("key_given_back"),
      ReportingSeed.month("key_given_back", used: "0, 0, 0", lastUsedAt: "now()"),
      ReportingSeed.key("key_revoked", revokedAt: "now()"),
      ReportingSeed.key("key_expired", expiresAt: "now()")
    ) { database in
      let unused = try await database.rows(
        """
        SELECT key_id, root, last_used_at IS NOT NULL AS used_once, days_unused
        FROM reporting.unused_keys ORDER BY key_id COLLATE "C"
        """)
      #expect(
        unused == [
          ["key_charged_before", "false", "true", "40"], ["key_fenced", "false", "false", "40"],
          ["key_managed_before", "true", "true", "40"], ["key_never", "false", "false", "40"],
          ["key_new", "false", "false", "0"],
        ])
    }
  }

  @Test("Consumers are ranked per dimension, ties share a rank, and deleted keys keep theirs")
  func ranks() async throws {
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1"), ReportingSeed.month("key_1", used: "50, 0, 9"),
      ReportingSeed.key("key_2", organisation: "org_b"),
      ReportingSeed.month("key_2", organisation: "org_b", used: "25, 7, 9"),
      ReportingSeed.month("key_gone", organisation: "org_gone", used: "25, 9, 0"),
      ReportingSeed.month("key_1", month: "DATE '2025-03-01'", used: "999, 999, 999")
    ) { database in
      let ranks = try await database.rows(
        """
        SELECT dimension, rank, key_id, friendly_name, used, share_of_total
        FROM reporting.top_consumers ORDER BY dimension, rank, key_id
        """)
      #expect(
        ranks == [
          ["requests", "1", "key_1", "Name of key_1", "50", "0.5000"],
          ["requests", "2", "key_2", "Name of key_2", "25", "0.2500"],
          ["requests", "2", "key_gone", nil, "25", "0.2500"],
          ["stt_secs", "1", "key_1", "Name of key_1", "9", "0.5000"],
          ["stt_secs", "1", "key_2", "Name of key_2", "9", "0.5000"],
          ["tokens", "1", "key_gone", nil, "9", "0.5625"],
          ["tokens", "2", "key_2", "Name of key_2", "7", "0.4375"],
        ])
    }
  }
}
