import FoundationEssentials
import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// On the first of a month the previous day has another counter.
private let isNotFirst = ConditionTrait.disabled(
  if: Timestamp.now.day.day == 1)

/// The counter holds its latest day, and `usage_daily` the days before.
@Suite("The day in a counter", .timeLimit(.minutes(10)))
struct CounterDayTests {
  /// The code paths by which a charge reaches the counter.
  enum Way: String, CaseIterable {
    case alone, together, overLimit, grouped

    /// Charges seven requests of `key_1` in any batch.
    fileprivate var call: String {
      switch self {
      case .alone: "SELECT decision FROM keymeter.admit(ARRAY[sha256('1')], NULL, 7, 0, 0, NULL, NULL, NULL)"
      case .together: Self.admitMany(3, 4)
      case .overLimit: Self.admitMany(3, 9000, 4)
      case .grouped:
        """
        SELECT decision FROM keymeter.admit_groups(
          ARRAY[sha256('1')], ARRAY[NULL], ARRAY[7], ARRAY[1], ARRAY[0], ARRAY[0], ARRAY[NULL], ARRAY[NULL],
          ARRAY[NULL]::inet[])
        """
      }
    }

    private static func admitMany(_ amounts: Int...) -> String {
      func all(_ value: String) -> String { "array_fill(\(value), ARRAY[\(amounts.count)])" }
      return """
        SELECT decision FROM keymeter.admit_many(
          \(all("sha256('1')")), \(all("NULL::text")), ARRAY\(amounts)::bigint[], \(all("0::bigint")),
          \(all("0::bigint")), \(all("NULL::text")), \(all("NULL::text")), \(all("NULL::inet")))
        """
    }
  }

  @Test(
    "The first charge of a day moves the previous day to usage_daily",
    arguments: [Way.alone, .together, .overLimit])
  func turns(way: Way) async throws {
    try await Self.with { database in
      try await database.charge(.alone)
      try await database.run("UPDATE keymeter.usage_monthly SET day = day - 1")
      try await database.charge(way)
      #expect(try await database.filed() == [["yesterday", "7"]])
      #expect(try await database.held() == [["today", "7"]])
      try await database.charge(way)
      #expect(try await database.filed() == [["yesterday", "7"]])
      #expect(try await database.held() == [["today", "14"]])
    }
  }

  @Test("A group leaves a day's first charge to the other path, and charges the day after that")
  func turnsInGroups() async throws {
    try await Self.with { database in
      try await database.charge(.alone)
      try await database.run("UPDATE keymeter.usage_monthly SET day = day - 1")
      #expect(try await database.charge(.grouped) == ["admitted", "undecided"])
      #expect(try await database.held() == [["yesterday", "7"]])
      try await database.charge(.alone)
      #expect(try await database.charge(.grouped) == ["admitted"])
      #expect(try await database.filed() == [["yesterday", "7"]])
      #expect(try await database.held() == [["today", "14"]])
    }
  }

  @Test(
    "A charge that arrives after the next day's first counts for its own day",
    arguments: [Way.alone, .together, .overLimit])
  func late(way: Way) async throws {
    try await Self.with { database in
      try await database.charge(.alone)
      try await database.run("UPDATE keymeter.usage_monthly SET day = day + 1")
      try await database.charge(way)
      #expect(try await database.filed() == [["today", "7"]])
      #expect(try await database.held() == [["tomorrow", "7"]])
    }
  }

  @Test("An empty day leaves no row in usage_daily")
  func empty() async throws {
    try await Self.with { database in
      try await database.run(
        """
        INSERT INTO keymeter.usage_monthly (organisation_id, key_id, month, day)
        VALUES ('org_a', 'key_1', \(ReportingSeed.thisMonth), \(ReportingSeed.today) - 1)
        """)
      try await database.charge(.alone)
      #expect(try await database.filed().isEmpty)
      #expect(try await database.held() == [["today", "7"]])
    }
  }

  @Test("A settlement changes the counter if the counter is at the reservation's day", arguments: [2, 5, 9])
  func settlement(amount: Int) async throws {
    try await Self.with { database in
      try await database.reserve()
      try await database.settle(amount)
      #expect(try await database.held() == [["today", "\(amount)"]])
      #expect(try await database.filed().isEmpty)
    }
  }

  @Test(
    "A settlement changes usage_daily if the reservation was charged on an earlier day", isNotFirst,
    arguments: [2, 5, 9])
  func settlementOfYesterday(amount: Int) async throws {
    try await Self.with { database in
      try await database.reserve()
      try await database.aDayPasses()
      try await database.charge(.alone)
      try await database.settle(amount)
      #expect(try await database.held() == [["today", "7"]])
      #expect(try await database.filed() == [["yesterday", "\(amount)"]])
    }
  }

  @Test("An expiry releases from the counter if the counter is at the reservation's day")
  func expiry() async throws {
    try await Self.with { database in
      try await database.reserve()
      try await database.sweep()
      #expect(try await database.held() == [["today", "0"]])
    }
  }

  @Test("An expiry releases from usage_daily if the reservation was charged on an earlier day", isNotFirst)
  func expiryOfYesterday() async throws {
    try await Self.with { database in
      try await database.reserve()
      try await database.aDayPasses()
      try await database.charge(.alone)
      try await database.sweep()
      #expect(try await database.held() == [["today", "7"]])
      #expect(try await database.filed() == [["yesterday", "0"]])
    }
  }

  @Test("Reports and analytics add the two parts of a day")
  func sums() async throws {
    try await Self.with { database in
      try await database.charge(.alone)
      try await database.run(
        """
        UPDATE keymeter.usage_monthly SET used_requests = used_requests + 3;
        \(ReportingSeed.day("key_1", day: ReportingSeed.today, used: "3, 2, 1"))
        """)
      #expect(
        try await database.rows("SELECT requests, tokens, stt_secs FROM reporting.daily_usage") == [
          ["10", "2", "1"]
        ])
      #expect(
        try await database.rows(
          """
          SELECT requests, tokens, stt_secs FROM keymeter.usage_analytics(
            'org_a', NULL, \(ReportingSeed.today) - 1, \(ReportingSeed.today))
          """) == [["10", "2", "1"]])
    }
  }

  @Test("Analytics use the counter's day, not its month")
  func analytics() async throws {
    try await Self.with { database in
      try await database.charge(.alone)
      for (first, last, days) in [("- 3", "- 1", 0), ("+ 1", "+ 3", 0), ("", "", 1)] {
        let found = try await database.rows(
          """
          SELECT day FROM keymeter.usage_analytics(
            'org_a', ARRAY['key_1'], \(ReportingSeed.today) \(first), \(ReportingSeed.today) \(last))
          """)
        #expect(found.count == days)
      }
    }
  }

  private static func with(_ body: (ReportingDatabase) async throws -> Void) async throws {
    try await Midnight.isFarEnough()
    try await ReportingDatabase.with(
      ReportingSeed.key("key_1", limits: "9000, NULL, NULL"),
      "INSERT INTO keymeter.api_key_secrets VALUES ('org_a', 'key_1', sha256('1'), 'p', NULL);"
    ) { database in
      try await body(database)
      // In every case the days add up to the month's usage.
      #expect(
        try await database.rows(
          """
          SELECT (SELECT sum(used_requests) FROM keymeter.usage_monthly)
            = (SELECT sum(requests) FROM keymeter.usage_by_day) AS agree
          """) == [["true"]])
    }
  }
}

extension ReportingDatabase {
  /// Charges, and returns the decisions.
  @discardableResult
  fileprivate func charge(_ way: CounterDayTests.Way) async throws -> [String] {
    try await answers(Statement("test_\(way)", way.call))
  }

  private func answers(_ statement: Statement) async throws -> [String] {
    try await pool.withTransaction { connection in
      try await connection.executeScript("SET LOCAL keymeter.organisation_id = 'org_a'")
      return try await connection.execute(statement).rows.map { try $0.decode("decision", as: String.self) }
    }
  }

  /// Reserves five requests, which are released on expiry.
  fileprivate func reserve() async throws {
    let statement = Statement(
      "test_reserve",
      """
      SELECT (r.admission).decision AS decision
      FROM keymeter.reserve('res_1', ARRAY[sha256('1')], NULL, 5, 0, 0, 60, 'release', NULL) AS r
      """)
    #expect(try await answers(statement) == ["admitted"])
  }

  fileprivate func settle(_ amount: Int) async throws {
    let statement = Statement(
      "test_settle_\(amount)",
      "SELECT outcome AS decision FROM keymeter.settle('org_a', 'key_1', 'res_1', \(amount), 0, 0)")
    #expect(try await answers(statement) == ["settled"])
  }

  fileprivate func sweep() async throws {
    try await run(
      """
      UPDATE keymeter.reservations SET reserved_at = now() - interval '1 hour', expires_at = now() - interval '1 s';
      SELECT keymeter.expire_reservations(10);
      """)
  }

  fileprivate func aDayPasses() async throws {
    try await run(
      "UPDATE keymeter.usage_monthly SET day = day - 1; UPDATE keymeter.reservations SET day = day - 1")
  }

  /// The rows of `usage_daily`: day and requests.
  fileprivate func filed() async throws -> [[String?]] {
    try await rows("SELECT \(Self.named) AS day, requests FROM keymeter.usage_daily ORDER BY day")
  }

  /// The day and requests in the counter.
  fileprivate func held() async throws -> [[String?]] {
    try await rows("SELECT \(Self.named) AS day, day_requests FROM keymeter.usage_monthly")
  }

  private static let named = """
    CASE day - \(ReportingSeed.today) WHEN -1 THEN 'yesterday' WHEN 0 THEN 'today' WHEN 1 THEN 'tomorrow' END
    """
}
