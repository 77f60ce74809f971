import Testing

@testable import KeymeterRepository

@Suite("reporting.monthly_usage and reporting.daily_usage", .timeLimit(.minutes(10)))
struct ReportingUsageTests {
  @Test("Usage is reported with the names and limits that belong to it")
  func wholeRow() async throws {
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1", limits: "10, 1000, NULL"),
      ReportingSeed.month(
        "key_1", month: "DATE '2025-03-01'", used: "5, 250, 60", reserved: "1, 50, 0",
        lastUsedAt: "'2025-03-04T05:06:07Z'"),
      ReportingSeed.day("key_1", day: "DATE '2025-03-04'", used: "5, 250, 60")
    ) { database in
      let months = try await database.rows(
        """
        SELECT provider_id, organisation_name, friendly_name, environment, month, requests_used,
          requests_reserved, requests_limit, requests_share, tokens_used, tokens_reserved, tokens_limit,
          tokens_share, stt_secs_used, stt_secs_reserved, stt_secs_limit, stt_secs_share, last_used_at
        FROM reporting.monthly_usage
        """)
      let names = ["provider-org_a", "Name of org_a", "Name of key_1", "PRODUCTION"]
      #expect(
        months == [
          names + [
            "2025-03-01", "5", "1", "10", "0.5000", "250", "50", "1000", "0.2500", "60", "0", nil, nil,
            "2025-03-04 05:06:07+00",
          ]
        ])
      let days = try await database.rows(
        """
        SELECT provider_id, organisation_name, friendly_name, environment, day, requests, tokens, stt_secs
        FROM reporting.daily_usage
        """)
      #expect(days == [names + ["2025-03-04", "5", "250", "60"]])
    }
  }

  @Test(
    "A share of 1 means used up: shares are rounded down, and a limit of 0 gives 1",
    arguments: [
      ("1", "3", "0.3333"), ("99999", "100000", "0.9999"), ("3", "3", "1.0000"), ("4", "3", "1.3333"),
      ("0", "3", "0.0000"), ("0", "0", "1"), ("7", "0", "1"), ("7", "NULL", nil),
      ("9223372036854775807", "9007199254740991", "1024.0000"),
    ])
  func shares(used: String, limit: String, share: String?) async throws {
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1", limits: "\(limit), \(limit), \(limit)"),
      ReportingSeed.month("key_1", used: "\(used), \(used), \(used)", lastUsedAt: "now()")
    ) { database in
      let shares = try await database.rows(
        "SELECT requests_share, tokens_share, stt_secs_share FROM reporting.monthly_usage")
      #expect(shares == [[share, share, share]])
    }
  }

  @Test("A deleted key's usage is reported without its name and limits")
  func deletedKey() async throws {
    try await ReportingDatabase.with(
      Self.usedKey, "DELETE FROM keymeter.api_keys WHERE key_id = 'key_1';"
    ) { database in
      let names = ["org_a", "provider-org_a", "Name of org_a", "key_1", nil, nil]
      let (months, days) = (try await database.rows(Self.months), try await database.rows(Self.days))
      #expect(months == [names + ["5", nil, nil]])
      #expect(days == [names + ["5"]])
    }
  }

  @Test("A deleted organisation's usage is reported under its id")
  func deletedOrganisation() async throws {
    try await ReportingDatabase.with(Self.usedKey, "DELETE FROM keymeter.organisations;") { database in
      let names = ["org_a", nil, nil, "key_1", nil, nil]
      let (months, days) = (try await database.rows(Self.months), try await database.rows(Self.days))
      #expect(months == [names + ["5", nil, nil]])
      #expect(days == [names + ["5"]])
    }
  }

  @Test("A counter without charges is left out, and one whose charges were returned is reported")
  func emptyCounters() async throws {
    try await ReportingDatabase.with(
      ReportingSeed.key("key_fenced"), ReportingSeed.key("key_released"),
      "SELECT set_config('keymeter.organisation_id', 'org_a', true);",
      "SELECT keymeter.bump_counter_version('org_a', 'key_fenced');",
      ReportingSeed.month("key_released", used: "0, 0, 0", lastUsedAt: "now()")
    ) { database in
      let keys = try await database.rows("SELECT key_id FROM reporting.monthly_usage")
      #expect(keys == [["key_released"]])
    }
  }

  private static let usedKey =
    ReportingSeed.key("key_1", limits: "10, 10, 10")
    + ReportingSeed.month("key_1", used: "5, 5, 5")
    + ReportingSeed.day("key_1", day: "DATE '2025-03-04'", used: "5, 5, 5")

  private static let names =
    "organisation_id, provider_id, organisation_name, key_id, friendly_name, environment"
  private static let months =
    "SELECT \(names), requests_used, requests_limit, requests_share FROM reporting.monthly_usage"
  private static let days = "SELECT \(names), requests FROM reporting.daily_usage"
}
