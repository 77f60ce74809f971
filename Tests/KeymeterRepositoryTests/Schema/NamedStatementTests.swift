import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("Named statements", .timeLimit(.minutes(10)))
struct NamedStatementTests {
  @Test("PostgreSQL can prepare every named statement against the migrated schema")
  func everyStatementPrepares() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        try await pool.withConnection { connection in
          for statement in StatementCatalogue.all {
            try await connection.executeScript("PREPARE \(statement.name) AS \(statement.sql)")
          }
        }
      }
    }
  }

  @Test("Statement names are unique, and no statement selects all columns")
  func statementsAreTidy() {
    let names = StatementCatalogue.all.map(\.name)
    #expect(Set(names).count == names.count)
    for statement in StatementCatalogue.all {
      #expect(!statement.sql.contains("*") || statement.sql.contains("count(*)"), "\(statement.name)")
    }
  }
}
