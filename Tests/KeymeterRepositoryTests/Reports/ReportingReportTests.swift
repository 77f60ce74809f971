import Postgres
import Testing

@testable import KeymeterRepository

@Suite("Reports", .timeLimit(.minutes(10)))
struct ReportingReportTests {
  static let columns = [
    "daily_usage": [
      "day", "provider_id", "organisation_id", "key_id", "friendly_name", "environment", "requests", "tokens",
      "stt_secs",
    ],
    "keys_near_limit": [
      "provider_id", "key_id", "friendly_name", "environment", "dimension", "used", "reserved",
      "monthly_limit", "remaining", "share",
    ],
    "monthly_usage": [
      "month", "provider_id", "organisation_id", "key_id", "friendly_name", "environment", "requests_used",
      "requests_limit", "requests_share", "tokens_used", "tokens_limit", "tokens_share", "stt_secs_used",
      "stt_secs_limit", "stt_secs_share", "last_used_at",
    ],
    "top_consumers": [
      "dimension", "rank", "provider_id", "organisation_id", "key_id", "friendly_name", "environment", "used",
      "share_of_total",
    ],
    "unused_keys": [
      "provider_id", "key_id", "friendly_name", "environment", "root", "created_at", "last_used_at",
      "days_unused",
    ],
  ]

  @Test("Every report runs and returns its columns, with and without usage")
  func everyReportRuns() async throws {
    #expect(Report.all.map(\.name) == Self.columns.keys.sorted())
    try await ReportingDatabase.with { database in
      for report in Report.all {
        let result = try await report.run(on: database.pool)
        #expect(result == ReportResult(columns: Self.columns[report.name] ?? [], rows: []))
      }
      try await database.run(Self.usage)
      for report in Report.all {
        let result = try await report.run(on: database.pool)
        #expect(result.columns == Self.columns[report.name])
        #expect(!result.rows.isEmpty, "\(report.name)")
        #expect(result.rows.allSatisfy { $0.count == result.columns.count })
      }
    }
  }

  @Test("Every report is one SELECT that psql can run, with a comment that states its question")
  func everyFileRuns() async throws {
    try await ReportingDatabase.with(Self.usage) { database in
      for file in EmbeddedSQL.reports {
        #expect(file.text.hasPrefix("-- ") && Report(file).question.hasSuffix("?"), "\(file.name)")
        #expect(file.text.filter { $0 == ";" }.count == 1 && file.text.hasSuffix(";\n"), "\(file.name)")
        try await database.run(file.text)
      }
    }
  }

  @Test("Rows are sorted by the report, newest first, and limited to recent months")
  func orderAndBounds() async throws {
    let monthsAgo = { (count: Int) in "(\(ReportingSeed.thisMonth) - interval '\(count) months')::date" }
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1"),
      [3, 13, 0, 12, 7].map { ReportingSeed.month("key_1", month: monthsAgo($0), used: "\($0 + 1), 0, 0") }
        .joined(separator: "\n"),
      [30, 0, 31].map {
        ReportingSeed.day("key_1", day: "\(ReportingSeed.today) - \($0)", used: "\($0), 0, 0")
      }.joined(separator: "\n")
    ) { database in
      let months = try await Self.column("requests_used", of: "monthly_usage", database)
      #expect(months == ["1", "4", "8", "13"])
      let days = try await Self.column("requests", of: "daily_usage", database)
      #expect(days == ["0", "30"])
    }
  }

  @Test("A report keeps the order and names of its columns, and formats values like PostgreSQL in UTC")
  func types() async throws {
    try await ReportingDatabase.with { database in
      let report = Report(
        EmbeddedSQLFile(
          name: "types.sql",
          text: #"""
            -- What?
            SELECT true AS z, 1.50 AS "A ""b""", NULL::date AS c, '{1,2}'::int[] AS b, '' AS e,
              '2025-03-04T05:06:07+02:00'::timestamptz AS t, DATE '2025-03-04' AS d -- the last
            ;

            """#))
      try await database.pool.withConnection { connection in
        try await connection.executeScript("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'")
      }
      #expect(report.question == "What?")
      #expect(
        try await report.run(on: database.pool)
          == ReportResult(
            columns: ["z", "A \"b\"", "c", "b", "e", "t", "d"],
            rows: [["true", "1.50", nil, "{1,2}", "", "2025-03-04 03:06:07+00", "2025-03-04"]]))
    }
  }

  @Test("A report can't write")
  func readOnly() async throws {
    try await ReportingDatabase.with { database in
      let report = Report(
        EmbeddedSQLFile(name: "w.sql", text: "SELECT keymeter.ensure_usage_partitions(9) AS created;"))
      await #expect { try await report.run(on: database.pool) } throws: {
        ($0 as? PostgresError)?.sqlState == .readOnlyTransaction
      }
    }
  }

  @Test(
    "CSV quotes separators, doubles quotation marks and distinguishes NULL from empty text",
    arguments: [
      (["a", "b c", "1.5"] as [String?], "a,b c,1.5\r\n"),
      (["a,b", "c\nd", "e\rf", "g\r\nh"], "\"a,b\",\"c\nd\",\"e\rf\",\"g\r\nh\"\r\n"),
      (["say \"hi\"", "\"", "\"\u{301}"], "\"say \"\"hi\"\"\",\"\"\"\",\"\"\"\u{301}\"\r\n"),
      ([nil, "", nil], ",\"\",\r\n"),
      (["=1+1", "née 🦷"], "=1+1,née 🦷\r\n"),
    ])
  func csv(cells: [String?], record: String) {
    #expect(Array(CSV.record(cells).unicodeScalars) == Array(record.unicodeScalars))
  }

  private static let usage =
    ReportingSeed.key("key_1", limits: "10, 10, 10") + ReportingSeed.month("key_1", used: "9, 9, 9")
    + ReportingSeed.day("key_1", day: ReportingSeed.today, used: "9, 9, 9")
    + ReportingSeed.key("key_2")

  private static func column(
    _ name: String, of report: String, _ database: ReportingDatabase
  ) async throws -> [String?] {
    let report = try #require(Report.all.first { $0.name == report })
    let result = try await report.run(on: database.pool)
    let position = try #require(result.columns.firstIndex(of: name))
    return result.rows.map { $0[position] }
  }
}
