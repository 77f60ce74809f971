public import Postgres

/// A ready-made question to the reporting views: one file of `sql/reports`, the same that psql runs.
public struct Report: Sendable {
  /// The file's name without `.sql`.
  public let name: String
  /// The file's one SELECT, without the semicolon.
  private let query: String

  /// The reports in this binary, by name.
  public static let all = EmbeddedSQL.reports.map { Report($0) }

  init(_ file: EmbeddedSQLFile) {
    name = file.name.hasSuffix(".sql") ? String(file.name.dropLast(4)) : file.name
    query = String(file.text.reversed().drop { $0.isWhitespace || $0 == ";" }.reversed())
  }

  /// What the report answers: the first line of its file.
  public var question: String {
    let line = query.prefix { !$0.isNewline }
    return String(line.drop { $0 == "-" || $0 == " " })
  }

  /// Runs the report in a transaction that can't write.
  ///
  /// Times are written in UTC, whatever the session's time zone is.
  ///
  /// - Throws: `PostgresError`; of SQLSTATE 42P01 where the database has no reporting views yet.
  public func run(on pool: ConnectionPool) async throws -> ReportResult {
    try await pool.withTransaction(TransactionOptions(readOnly: true)) { connection in
      try await connection.executeScript("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'")
      let columns = try await connection.execute(columnsStatement).rows.first?.columns ?? []
      let rows = try await connection.execute(textStatement(columns)).rows
      return ReportResult(
        columns: columns,
        rows: try rows.map { row in try columns.indices.map { try row.decode($0, as: String?.self) } })
    }
  }

  /// Answers one row of NULLs, whose column names are the report's: a result without a row doesn't tell any.
  ///
  /// The one place where `*` is right: which columns there are is the question.
  private var columnsStatement: Statement {
    Statement(
      "report_columns_\(name)",
      """
      SELECT report.* FROM (SELECT) AS one_row
      LEFT JOIN (SELECT answer.* FROM (
      \(query)
      ) AS answer LIMIT 0) AS report ON true
      """)
  }

  /// The report with every column as text, in PostgreSQL's own spelling.
  ///
  /// A subquery that sorts keeps its order through a SELECT that only casts: there is nothing to plan but the
  /// scan of it.
  private func textStatement(_ columns: [String]) -> Statement {
    let cells = columns.map { "report.\(quoted($0))::text AS \(quoted($0))" }.joined(separator: ", ")
    return Statement(
      "report_\(name)",
      """
      SELECT \(cells) FROM (
      \(query)
      ) AS report
      """)
  }

  private func quoted(_ identifier: String) -> String {
    let escaped = identifier.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined()
    return "\"\(escaped)\""
  }
}

/// What a report answered.
public struct ReportResult: Sendable, Equatable {
  /// The columns' names, in the report's order; known also where there are no rows.
  public let columns: [String]
  /// The cells as text, a row's in the order of `columns`; nil is NULL.
  public let rows: [[String?]]
}
