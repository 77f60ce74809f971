import ArgumentParser
import KeymeterRepository
import Postgres

/// `keymeter report NAME`: runs one of the built-in reports.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Run a report on usage.",
    discussion: """
      The reports:

      \(reportList)

      Times are UTC. The login needs only SELECT on the views of the schema `reporting`.
      """)

  @Argument(help: "The report's name.")
  var name: String?

  @Flag(
    help:
      "Print CSV (RFC 4180) with a header line. Values are not escaped for terminals.")
  var csv = false

  @OptionGroup var database: DatabaseOptions

  /// A report reads months of usage of all organisations.
  private static let statementTimeout = Duration.seconds(600)

  func validate() throws {
    guard let name else { throw ValidationError("Name a report:\n\n\(reportList)") }
    guard report != nil else {
      throw ValidationError("There is no report '\(name)'. Available reports:\n\n\(reportList)")
    }
  }

  func run() async throws {
    guard let report else { return }
    try await CommandFailure.reporting {
      let result = try await database.withPool(as: .reporting, statementTimeout: Self.statementTimeout) {
        pool in
        try await Self.run(report, on: pool)
      }
      if csv {
        for record in [result.columns] + result.rows { print(CSV.record(record), terminator: "") }
      } else {
        try result.rows.map { row in zip(result.columns, row).map { ($0, $1 ?? "") } }.print(
          asJSON: false, columns: result.columns)
      }
    }
  }

  private var report: Report? { Report.all.first { $0.name == name } }

  /// Skips the schema check that other commands run: the login may read reports but not the migration ledger.
  private static func run(_ report: Report, on pool: ConnectionPool) async throws -> ReportResult {
    do {
      return try await report.run(on: pool)
    } catch let error as PostgresError
      where [.undefinedTable, .undefinedColumn].contains(error.sqlState)
    {
      throw CommandError(
        "the database lacks the objects that the report \(report.name) reads: run `keymeter migrate` first")
    }
  }
}

/// Each report's name and description, one per line.
private let reportList = {
  let width = Report.all.map(\.name.count).max() ?? 0
  return Report.all.map { report in
    let gap = String(repeating: " ", count: width - report.name.count)
    return "  \(report.name)\(gap)  \(report.question)"
  }.joined(separator: "\n")
}()
