/// The result of one statement.
public struct QueryResult: Sendable {
  /// The rows, in the server's order.
  ///
  /// Empty for a statement that returns none.
  public let rows: [Row]
  /// The server's command tag, such as `INSERT 0 3`.
  public let commandTag: String

  /// The number of rows inserted, updated, deleted or selected, or 0 for other commands.
  public var affectedRows: Int {
    commandTag.split(separator: " ").last.flatMap { Int($0) } ?? 0
  }
}
