/// The isolation level and access mode of a transaction.
public struct TransactionOptions: Sendable, Hashable {
  /// PostgreSQL's isolation levels.
  public enum Isolation: Sendable, Hashable {
    /// Each statement sees what was committed before it began.
    case readCommitted
    /// All statements see one snapshot, and a conflicting write fails with 40001.
    case repeatableRead
    /// As if transactions ran one after the other. A conflict fails with 40001.
    case serializable
  }

  /// The isolation level.
  public var isolation: Isolation
  /// Whether the server rejects writes.
  public var readOnly: Bool

  /// Creates options.
  ///
  /// The default is a read-committed transaction that may write.
  public init(isolation: Isolation = .readCommitted, readOnly: Bool = false) {
    self.isolation = isolation
    self.readOnly = readOnly
  }

  /// Spells out both settings, so that the server's defaults don't matter.
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

/// The transaction status that the server last reported.
public enum TransactionStatus: UInt8, Sendable, Hashable {
  /// No transaction is open.
  case idle
  /// A transaction is open and healthy.
  case inTransaction
  /// A transaction is open and has failed. The server accepts only a rollback.
  case failed
  /// The connection is closed, broken or busy.
  case unknown
}
