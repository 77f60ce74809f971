import KeymeterDomain
import KeymeterTesting
import Postgres

/// One key's counters, read from the database.
struct Counters: Sendable, Equatable {
  /// `usage_monthly`.
  let used: Amounts
  /// The part of `used` that open reservations hold.
  let reserved: Amounts
  /// The sum of `usage_by_day`.
  let daily: Amounts

  /// Reads a key's counters in one snapshot.
  static func read(_ keyID: String, on pool: ConnectionPool) async throws -> Counters {
    let result = try await pool.withConnection { try await $0.execute(statement, [.text(keyID)]) }
    guard let row = result.rows.first else { throw TestFailure("no counters") }
    return Counters(
      used: try row.amounts("used"), reserved: try row.amounts("reserved"), daily: try row.amounts("daily"))
  }

  /// Reads a key's counters from the database at `url`.
  static func read(_ keyID: String, at url: String) async throws -> Counters {
    try await ConnectionPool.with(url: url) { try await read(keyID, on: $0) }
  }

  private static let statement = Statement(
    "test_counters",
    """
    SELECT m.*, d.* FROM (
      SELECT coalesce(sum(used_requests), 0)::bigint AS used_requests,
        coalesce(sum(used_tokens), 0)::bigint AS used_tokens,
        coalesce(sum(used_stt_secs), 0)::bigint AS used_stt_secs,
        coalesce(sum(reserved_requests), 0)::bigint AS reserved_requests,
        coalesce(sum(reserved_tokens), 0)::bigint AS reserved_tokens,
        coalesce(sum(reserved_stt_secs), 0)::bigint AS reserved_stt_secs
      FROM keymeter.usage_monthly WHERE key_id = $1) AS m, (
      SELECT coalesce(sum(requests), 0)::bigint AS daily_requests,
        coalesce(sum(tokens), 0)::bigint AS daily_tokens,
        coalesce(sum(stt_secs), 0)::bigint AS daily_stt_secs
      FROM keymeter.usage_by_day WHERE key_id = $1) AS d
    """)
}

extension Row {
  fileprivate func amounts(_ prefix: String) throws -> Amounts {
    Amounts(
      requests: try decode("\(prefix)_requests", as: Int64.self),
      tokens: try decode("\(prefix)_tokens", as: Int64.self),
      speechSeconds: try decode("\(prefix)_stt_secs", as: Int64.self))
  }
}

extension Amounts {
  static func += (left: inout Amounts, right: Amounts) {
    for dimension in Dimension.allCases { left[dimension] += right[dimension] }
  }

  static func - (left: Amounts, right: Amounts) -> Amounts {
    var difference = left
    for dimension in Dimension.allCases { difference[dimension] -= right[dimension] }
    return difference
  }

  /// Whether no dimension exceeds the other's.
  func isWithin(_ other: Amounts) -> Bool { Dimension.allCases.allSatisfy { self[$0] <= other[$0] } }

  /// A verification's query.
  var query: String { "?requests=\(requests)&tokens=\(tokens)&stt_secs=\(speechSeconds)" }

  /// The members of a body.
  var members: String { #""requests":\#(requests),"tokens":\#(tokens),"stt_secs":\#(speechSeconds)"# }
}

/// Keeps a key's counter locked, like another node's uncommitted charge.
enum CounterLock {
  /// Runs `body` while a transaction holds the lock.
  ///
  /// `end` commits it and must be called once.
  ///
  /// - Parameter change: the SQL that takes the lock.
  static func hold<Output: Sendable>(
    _ change: String, on pool: ConnectionPool,
    _ body: (_ end: () async throws -> Void) async throws -> Output
  ) async throws -> Output {
    try await pool.withConnection { connection in
      try await connection.executeScript("BEGIN; \(change)")
      return try await body { try await connection.executeScript("COMMIT") }
    }
  }

  /// Locks a counter without changing it.
  static func lock(_ account: Account) -> String {
    "SELECT 1 FROM keymeter.usage_monthly WHERE key_id = '\(account.keyID)' FOR UPDATE"
  }

  /// Charges requests like another node.
  static func charge(_ account: Account, _ requests: Int) -> String {
    """
    UPDATE keymeter.usage_monthly
    SET used_requests = used_requests + \(requests), day_requests = day_requests + \(requests)
    WHERE key_id = '\(account.keyID)'
    """
  }

  /// Waits until at least `count` backends of this database wait for a lock.
  static func waiters(_ count: Int, on pool: ConnectionPool) async throws {
    _ = try await eventually("\(count) backends to wait for a lock") {
      let found = try await pool.withConnection { try await $0.execute(waiting).rows.count }
      return found >= count ? true : nil
    }
  }

  private static let waiting = Statement(
    "test_waiting",
    """
    SELECT pid FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_catalog.pg_backend_pid()
    """)
}
