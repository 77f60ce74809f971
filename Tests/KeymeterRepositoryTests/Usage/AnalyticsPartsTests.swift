import KeymeterDomain
import Testing

@testable import KeymeterRepository

@Suite("Analytics queries by month")
struct AnalyticsPartsTests {
  @Test("A query is split into months that cover its days exactly once")
  func months() throws {
    let parts = try query("2025-11-20", "2026-02-03").parts
    #expect(
      parts.map { "\($0.firstDay) \($0.lastDay)" } == [
        "2025-11-20 2025-11-30", "2025-12-01 2025-12-31", "2026-01-01 2026-01-31", "2026-02-01 2026-02-03",
      ])
    #expect(parts.allSatisfy { $0.keys == nil })
  }

  @Test(
    "A query is split into a bounded number of consecutive parts",
    arguments: [
      ("2026-11-21", "2026-11-21"), ("2024-01-01", "2026-12-31"), ("2023-12-31", "2026-12-31"),
      ("1999-05-17", "2031-08-02"), ("0001-01-01", "9999-12-31"),
    ])
  func bounds(from: String, to: String) throws {
    let query = try query(from, to)
    let parts = query.parts
    #expect(parts.count <= Int(AnalyticsQuery.mostParts))
    #expect(parts.first?.firstDay == query.firstDay)
    #expect(parts.last?.lastDay == query.lastDay)
    for (part, next) in zip(parts, parts.dropFirst()) {
      #expect(part.firstDay.daysSinceEpoch <= part.lastDay.daysSinceEpoch)
      #expect(next.firstDay.daysSinceEpoch == part.lastDay.daysSinceEpoch + 1)
      #expect(next.firstDay.day == 1)
    }
  }

  @Test("A query for named keys is not split")
  func keys() throws {
    let query = try query("2024-01-01", "2026-12-31", keys: [KeyID(rawValue: "key_one")])
    #expect(query.parts == [query])
  }

  private func query(_ from: String, _ to: String, keys: [KeyID]? = nil) throws -> AnalyticsQuery {
    AnalyticsQuery(
      firstDay: try #require(CivilDate(from)), lastDay: try #require(CivilDate(to)), keys: keys)
  }
}
