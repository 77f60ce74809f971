import Postgres

/// A session whose locks keep months of usage by day from being made or dropped.
public struct PartitionObstacle: Sendable, Hashable {
  /// The process of PostgreSQL that serves it.
  public let pid: Int32
  /// Who has logged in there; nil for PostgreSQL's own.
  public let login: String?
  /// When its transaction began, in UTC; nil where this login may not know.
  public let since: String?
  /// Whether somebody waits just now for what it holds.
  public let isWaitedFor: Bool
  /// Tells it from another transaction of the same session.
  let transaction: String

  init(_ row: Row) throws {
    pid = try row.decode("pid", as: Int32.self)
    login = try row.decode("login", as: String?.self)
    since = try row.decode("since", as: String?.self)
    isWaitedFor = try row.decode("is_waited_for", as: Bool.self)
    transaction = try row.decode("transaction", as: String.self)
  }
}
