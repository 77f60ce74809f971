import Postgres
import Testing

@testable import KeymeterRepository

@Suite("keymeter.drop_usage_before", .timeLimit(.minutes(10)))
struct ReportingRetentionTests {
  @Test("Months before the cutoff's month are dropped and returned, and nothing else changes")
  func dropsOldMonths() async throws {
    try await ReportingDatabase.with(
      Self.days, "SELECT keymeter.ensure_usage_partitions(1);",
      ReportingSeed.month("key_1", month: "DATE '2024-01-01'", used: "1, 1, 1")
    ) { database in
      #expect(
        try await Self.drop("DATE '2024-03-15'", database)
          == ["usage_daily_2024_01", "usage_daily_2024_02"])
      let left = try await database.rows("SELECT day FROM reporting.daily_usage ORDER BY day")
      #expect(left.count == 3)
      #expect(left.first == ["2024-03-01"])
      #expect(try await database.rows("SELECT month FROM reporting.monthly_usage") == [["2024-01-01"]])
      #expect(
        try await database.rows("SELECT to_regclass('keymeter.usage_daily_2024_01') IS NULL AS gone")
          == [["true"]])
      #expect(try await Self.drop("DATE '2024-03-15'", database) == [])
    }
  }

  @Test("Old days in the default partition are deleted, and others stay")
  func defaultPartition() async throws {
    try await ReportingDatabase.with(Self.days) { database in
      #expect(try await Self.drop("DATE '2024-03-01'", database) == [])
      let left = try await database.rows("SELECT day FROM reporting.daily_usage ORDER BY day")
      #expect(left.count == 3)
      #expect(left.first == ["2024-03-01"])
    }
  }

  @Test("Everything before the previous month can be dropped")
  func furthest() async throws {
    try await ReportingDatabase.with(Self.days, "SELECT keymeter.ensure_usage_partitions(1);") { database in
      let dropped = try await Self.drop("\(ReportingSeed.thisMonth) - 1", database)
      #expect(dropped.count == 3)
      #expect(try await database.rows("SELECT day FROM reporting.daily_usage").count == 2)
    }
  }

  @Test(
    "A cutoff in the current or previous month is rejected and drops nothing",
    arguments: [
      ReportingSeed.thisMonth, ReportingSeed.today, "\(ReportingSeed.today) + 40", "'infinity'", "NULL",
    ])
  func refusesRecentMonths(cutoff: String) async throws {
    try await ReportingDatabase.with(Self.days, "SELECT keymeter.ensure_usage_partitions(1);") { database in
      await #expect { try await Self.drop(cutoff, database) } throws: {
        ($0 as? PostgresError)?.sqlState?.rawValue == "22023"
      }
      let left = try await database.rows("SELECT day FROM reporting.daily_usage")
      #expect(left.count == 5)
    }
  }

  @Test("Dropping gives way to a charge in progress instead of blocking others, and works afterwards")
  func busy() async throws {
    try await ReportingDatabase.with(Self.days, "SELECT keymeter.ensure_usage_partitions(1);") { database in
      try await database.pool.withTransaction { connection in
        try await connection.executeScript("LOCK TABLE keymeter.usage_daily IN ROW EXCLUSIVE MODE")
        await #expect { try await Self.drop("DATE '2024-03-01'", database) } throws: {
          ($0 as? PostgresError)?.sqlState == .lockNotAvailable
        }
      }
      #expect(try await Self.drop("DATE '2024-03-01'", database).count == 2)
    }
  }

  private static let days =
    [
      "DATE '2024-01-31'", "DATE '2024-02-29'", "DATE '2024-03-01'", "\(ReportingSeed.thisMonth) - 1",
      ReportingSeed.today,
    ].map { ReportingSeed.day("key_1", day: $0, used: "1, 1, 1") }.joined(separator: "\n")

  private static func drop(_ cutoff: String, _ database: ReportingDatabase) async throws -> [String] {
    let statement = Statement(
      "test_drop_usage", "SELECT name FROM keymeter.drop_usage_before(\(cutoff)) AS name")
    return try await database.pool.withConnection { connection in
      try await connection.execute(statement).rows.map { try $0.decode("name", as: String.self) }
    }
  }
}
