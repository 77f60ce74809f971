import FoundationEssentials
import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("Partitions for the coming months", .timeLimit(.minutes(10)))
struct PartitionsAheadTests {
  @Test("Only partitions without a gap after the current month count, and -1 means none for it")
  func counted() async throws {
    try await TestDatabase.withMigrated { database in
      let counts = try await database.withPool { pool in
        let maintenance = UsageMaintenance(pool: pool)
        var counts = [try await maintenance.partitionsAhead(), try await maintenance.ensurePartitions()]
        for change in [
          "DROP TABLE \(Self.partition(ahead: 3))",
          // Partitions after a gap do not count.
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

  @Test(
    "No other login can block partitions, migrations or retention by a lock",
    arguments: [TestDatabase.Login.analyst, .stranger])
  func lockedOut(login: TestDatabase.Login) async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: login) { intruder in
        try await intruder.pool.withTransaction { connection in
          // The locks that earlier versions took.
          for number in [7_311_302_711_428_401, 7_311_302_711_428_402] {
            try await connection.executeScript("SELECT pg_advisory_xact_lock(\(number))")
          }
          try await scene.database.withPool { pool in
            let maintenance = UsageMaintenance(pool: pool)
            try await pool.withConnection {
              try await $0.executeScript(
                "DROP TABLE \(Self.partition(ahead: 3)), \(Self.partition(ahead: 2))")
            }
            #expect(try await maintenance.ensurePartitions() >= 2)
            #expect(try await Migrator(pool: pool).migrate().isEmpty)
            try await pool.withConnection {
              try await $0.executeScript("SELECT keymeter.drop_usage_before('2001-01-01')")
            }
          }
        }
        for mode in ["ACCESS SHARE", "SHARE UPDATE EXCLUSIVE", "SHARE"] {
          for table in ["usage_daily", "usage_daily_default", "schema_migrations"] {
            #expect(
              try await intruder.rejection(of: "LOCK TABLE keymeter.\(table) IN \(mode) MODE") == "42501")
          }
        }
      }
    }
  }

  @Test("Of two concurrent jobs one creates the partitions, and the other does not wait")
  func atOnce() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 3) { pool in
        let maintenance = UsageMaintenance(pool: pool)
        try await pool.withConnection { try await $0.executeScript("DROP TABLE \(Self.partition(ahead: 3))") }
        try await pool.withTransaction { connection in
          _ = try await connection.execute(UsageStatements.ensurePartitions, [.int4(3)])
          #expect(try await maintenance.ensurePartitions() == 0)
        }
        #expect(try await maintenance.partitionsAhead() == 3)
      }
    }
  }

  /// The partition of a month from the current one on.
  static func partition(ahead months: Int) -> String {
    let now = Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)).day
    let month = Int(now.year) * 12 + Int(now.month) - 1 + months
    let digits = String(100 + month % 12 + 1).dropFirst()
    return "keymeter.usage_daily_\(month / 12)_\(digits)"
  }
}
