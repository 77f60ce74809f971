import FoundationEssentials
import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("How many coming months have a partition", .timeLimit(.minutes(1)))
struct PartitionsAheadTests {
  @Test("Those in a row behind the present one, of usage_daily itself; -1 where that has none")
  func counted() async throws {
    try await TestDatabase.withMigrated { database in
      let counts = try await database.withPool { pool in
        let maintenance = UsageMaintenance(pool: pool)
        var counts = [try await maintenance.partitionsAhead(), try await maintenance.ensurePartitions()]
        for change in [
          "DROP TABLE \(Self.partition(ahead: 3))",
          // A gap counts, whatever is behind it.
          "ALTER TABLE keymeter.usage_daily DETACH PARTITION \(Self.partition(ahead: 1))",
          "DROP TABLE \(Self.partition(ahead: 0))",
        ] {
          try await pool.withConnection { try await $0.executeScript(change) }
          counts.append(try await maintenance.partitionsAhead())
        }
        return counts
      }
      #expect(counts == [3, 0, 2, 0, -1])
    }
  }

  private static func partition(ahead months: Int) -> String {
    let now = Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)).day
    let month = Int(now.year) * 12 + Int(now.month) - 1 + months
    let digits = String(100 + month % 12 + 1).dropFirst()
    return "keymeter.usage_daily_\(month / 12)_\(digits)"
  }
}
