import Postgres

/// A session, or a prepared transaction, whose locks keep months of usage by day from being made or dropped.
struct PartitionObstacle: Sendable, Hashable {
  /// The process of PostgreSQL that serves it; nil for a prepared transaction, which has none any more.
  let pid: Int32?
  /// What a prepared transaction is called; nil for a session, and for one that has just ended.
  let gid: String?
  /// Who has logged in there, or has prepared it; nil for PostgreSQL's own.
  let login: String?
  /// When its transaction began, or was prepared, in UTC; nil where this login may not know.
  let since: String?
  /// Whether somebody waits just now for what it holds.
  let isWaitedFor: Bool
  /// Tells it from another transaction of the same session.
  let transaction: String

  init(_ row: Row) throws {
    pid = try row.decode("pid", as: Int32?.self)
    gid = try row.decode("gid", as: String?.self)
    login = try row.decode("login", as: String?.self)
    since = try row.decode("since", as: String?.self)
    isWaitedFor = try row.decode("is_waited_for", as: Bool.self)
    transaction = try row.decode("transaction", as: String.self)
  }
}
