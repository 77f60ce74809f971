package import Postgres

/// A statement that always returns a row returned none, which is a bug in the statement.
struct RowMissing: Error {
  let statement: String
}

extension Connection {
  /// The first row of a statement that always has one.
  ///
  /// - Throws: `PostgresError`, and `RowMissing`.
  package func row(of statement: Statement, _ parameters: [Parameter]) async throws -> Row {
    guard let row = try await execute(statement, parameters).rows.first else {
      throw RowMissing(statement: statement.name)
    }
    return row
  }
}
