/// How a transaction is begun.
public struct TransactionOptions: Sendable, Hashable {
  /// The isolation levels PostgreSQL tells apart.
  public enum Isolation: Sendable, Hashable {
    /// Each statement sees what was committed before it began.
    case readCommitted
    /// All statements see one snapshot; a conflicting write fails with 40001.
    case repeatableRead
    /// As if transactions ran one after the other; a conflict fails with 40001.
    case serializable
  }

  /// The isolation level.
  public var isolation: Isolation
  /// Whether the server refuses writes.
  public var readOnly: Bool

  /// Makes options; the default is a read-committed transaction that may write.
  public init(isolation: Isolation = .readCommitted, readOnly: Bool = false) {
    self.isolation = isolation
    self.readOnly = readOnly
  }

  /// Both settings are spelled out, so that the server's defaults don't matter.
  var beginStatement: String {
    let level =
      switch isolation {
      case .readCommitted: "READ COMMITTED"
      case .repeatableRead: "REPEATABLE READ"
      case .serializable: "SERIALIZABLE"
      }
    return "BEGIN ISOLATION LEVEL \(level) \(readOnly ? "READ ONLY" : "READ WRITE")"
  }
}

/// What the server last said about the connection's transaction.
public enum TransactionStatus: UInt8, Sendable, Hashable {
  /// No transaction is open.
  case idle
  /// A transaction is open and healthy.
  case inTransaction
  /// A transaction is open and has failed; only a rollback is accepted.
  case failed
  /// The connection is closed or broken, or in the middle of something.
  case unknown
}
