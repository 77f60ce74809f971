package import Postgres

/// A bug: a statement that always returns one row returned none.
struct RowMissing: Error {
  let statement: String
}

extension Connection {
  /// The first row of a statement that always returns one.
  ///
  /// - Throws: `PostgresError`, and `RowMissing`.
  package func row(of statement: Statement, _ parameters: [Parameter]) async throws -> Row {
    guard let row = try await execute(statement, parameters).rows.first else {
      throw RowMissing(statement: statement.name)
    }
    return row
  }
}
