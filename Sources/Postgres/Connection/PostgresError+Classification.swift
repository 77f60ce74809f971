extension PostgresError {
  /// Whether the database could not be had just now, as opposed to the request having been refused by it.
  ///
  /// Callers answer "unavailable, try again later". It does not promise that nothing was executed:
  /// ``Kind/connectionLost`` and ``Kind/deadlineExceeded`` leave that open. ``Kind/commitOutcomeUnknown`` is not
  /// among them, because trying again blindly could do the work twice.
  public var isUnavailable: Bool {
    switch kind {
    case .connectionFailed, .connectionLost, .poolExhausted, .poolClosed, .deadlineExceeded: true
    case .server: sqlState.map(Self.meansUnavailable) ?? false
    case .configuration, .cancelled, .transactionRolledBack, .commitOutcomeUnknown: false
    case .invalidParameter, .decoding: false
    }
  }

  /// Whether the transaction lost against another one (40001, 40P01) and may be run again from its beginning.
  public var isSerializationFailure: Bool {
    sqlState == .serializationFailure || sqlState == .deadlockDetected
  }

  /// Whether the same request may well succeed later without anybody changing anything.
  public var isTransient: Bool {
    isUnavailable || isSerializationFailure
  }

  /// Whether a prepared statement outlived what it was prepared against.
  ///
  /// 0A000 is "cached plan must not change result type", which shares its code with truly unsupported features; so
  /// this is reason to prepare again once, and no more.
  var suggestsStalePlan: Bool {
    kind == .server && (sqlState == .featureNotSupported || sqlState == .invalidStatementName)
  }

  /// Codes that say the server is short of something, leaving, or no longer the primary; or that a statement is missing
  /// which was prepared, and then prepared anew: a pooler hands its sessions around, and nothing was executed.
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
