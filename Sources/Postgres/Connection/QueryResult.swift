/// What one statement answered.
public struct QueryResult: Sendable {
  /// The rows, in the server's order; empty for a statement that returns none.
  public let rows: [Row]
  /// What the server says it did, such as `INSERT 0 3`.
  public let commandTag: String

  /// How many rows were inserted, updated, deleted or selected; 0 for commands that count none.
  public var affectedRows: Int {
    commandTag.split(separator: " ").last.flatMap { Int($0) } ?? 0
  }
}
