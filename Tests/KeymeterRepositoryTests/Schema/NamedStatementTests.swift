import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("Named statements", .timeLimit(.minutes(1)))
struct NamedStatementTests {
  @Test("Every named statement is prepared by PostgreSQL against the migrated schema")
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

  @Test("No two statements share a name, and none selects everything")
  func statementsAreTidy() {
    let names = StatementCatalogue.all.map(\.name)
    #expect(Set(names).count == names.count)
    for statement in StatementCatalogue.all {
      #expect(!statement.sql.contains("*") || statement.sql.contains("count(*)"), "\(statement.name)")
    }
  }
}
