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

  @Test(
    "Neither by an advisory lock nor by LOCK TABLE does anybody else who can log in keep off months, migrations or retention",
    arguments: [TestDatabase.Login.analyst, .stranger])
  func lockedOut(login: TestDatabase.Login) async throws {
    try await RoleScene.with { scene in
      try await scene.connected(as: login) { intruder in
        try await intruder.pool.withTransaction { connection in
          // Those that were taken once.
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
            #expect(try await intruder.refusal(of: "LOCK TABLE keymeter.\(table) IN \(mode) MODE") == "42501")
          }
        }
      }
    }
  }

  @Test("Of two that make months at once one does, and the other doesn't wait for it")
  func atOnce() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 3) { pool in
        let maintenance = UsageMaintenance(pool: pool)
        try await pool.withConnection { try await $0.executeScript("DROP TABLE \(Self.partition(ahead: 3))") }
        try await pool.withTransaction { connection in
          _ = try await connection.execute(MeteringStatements.ensurePartitions, [.int4(3)])
          #expect(try await maintenance.ensurePartitions() == 0)
        }
        #expect(try await maintenance.partitionsAhead() == 3)
      }
    }
  }

  /// The table of a month from the present one on.
  static func partition(ahead months: Int) -> String {
    let now = Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)).day
    let month = Int(now.year) * 12 + Int(now.month) - 1 + months
    let digits = String(100 + month % 12 + 1).dropFirst()
    return "keymeter.usage_daily_\(month / 12)_\(digits)"
  }
}
