extension PostgresError {
  /// Whether the database is unavailable, as opposed to having rejected the statement.
  ///
  /// Callers answer "unavailable, try again later". Something may still have been executed:
  /// ``Kind/connectionLost`` and ``Kind/deadlineExceeded`` leave that open. ``Kind/commitOutcomeUnknown`` is
  /// excluded, because a blind retry could do the work twice.
  public var isUnavailable: Bool {
    switch kind {
    case .connectionFailed, .connectionLost, .poolExhausted, .poolClosed, .deadlineExceeded: true
    case .server: sqlState.map(Self.meansUnavailable) ?? false
    case .configuration, .cancelled, .transactionRolledBack, .commitOutcomeUnknown: false
    case .invalidParameter, .decoding: false
    }
  }

  /// Whether the transaction hit a serialisation failure or deadlock (40001, 40P01) and may be retried from
  /// its start.
  public var isSerializationFailure: Bool {
    sqlState == .serializationFailure || sqlState == .deadlockDetected
  }

  /// Whether the same request may succeed later without any change.
  public var isTransient: Bool {
    isUnavailable || isSerializationFailure
  }

  /// Whether the plan of a prepared statement may be stale.
  ///
  /// 0A000 means "cached plan must not change result type" but also truly unsupported features. So this
  /// justifies preparing again once, not more.
  var suggestsStalePlan: Bool {
    kind == .server && (sqlState == .featureNotSupported || sqlState == .invalidStatementName)
  }

  /// Codes for a server that lacks resources, is shutting down or is no longer primary.
  ///
  /// Also 26000, a missing prepared statement: after preparing again it can only come from a pooler that
  /// switches sessions, and nothing was executed.
  private static func meansUnavailable(_ state: SQLState) -> Bool {
    switch state.conditionClass {
    case "08", "53", "58": true  // connection, insufficient resources, system error
    default: unavailableStates.contains(state)
    }
  }

  private static let unavailableStates: Set<SQLState> = [
    .adminShutdown, .crashShutdown, .cannotConnectNow, .queryCanceled, .readOnlyTransaction,
    .lockNotAvailable, .invalidStatementName,
  ]
}
