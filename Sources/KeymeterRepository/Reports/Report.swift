public import Postgres

/// A built-in query of the reporting views: one file of `sql/reports`, which psql can run too.
public struct Report: Sendable {
  /// The file's name without `.sql`.
  public let name: String
  /// The file's one SELECT, without the semicolon.
  private let query: String

  /// All built-in reports, by name.
  public static let all = EmbeddedSQL.reports.map { Report($0) }

  init(_ file: EmbeddedSQLFile) {
    name = file.name.hasSuffix(".sql") ? String(file.name.dropLast(4)) : file.name
    query = String(file.text.reversed().drop { $0.isWhitespace || $0 == ";" }.reversed())
  }

  /// The report's description: the first line of its file.
  public var question: String {
    let line = query.prefix { !$0.isNewline }
    return String(line.drop { $0 == "-" || $0 == " " })
  }

  /// Runs the report in a read-only transaction.
  ///
  /// Times are in UTC, regardless of the session's time zone.
  ///
  /// - Throws: `PostgresError`, with SQLSTATE 42P01 if the database has no reporting views yet.
  public func run(on pool: ConnectionPool) async throws -> ReportResult {
    try await pool.withTransaction(readOnly: true) { connection in
      try await connection.executeScript("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'")
      let columns = try await connection.execute(columnsStatement).rows.first?.columns ?? []
      let rows = try await connection.execute(textStatement(columns)).rows
      return ReportResult(
        columns: columns,
        rows: try rows.map { row in try columns.indices.map { try row.decode($0, as: String?.self) } })
    }
  }

  /// Returns one row of NULLs to find out the report's column names, because an empty result has none.
  ///
  /// The only legitimate use of `*`, as the columns are unknown.
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

  /// The report with every column cast to text by PostgreSQL.
  ///
  /// The outer SELECT only casts, so the subquery's order is preserved: the plan is just a scan of it.
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

/// The result of a report.
public struct ReportResult: Sendable, Equatable {
  /// The column names in order, even if there are no rows.
  public let columns: [String]
  /// The cells as text, or nil for NULL, in the order of `columns`.
  public let rows: [[String?]]
}
