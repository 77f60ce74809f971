import KeymeterRepository
import KeymeterServer
import Logging
import Postgres

/// Whether each host of `DATABASE_URL` is reachable, and exactly one is writable.
struct HostsCheck: Sendable {
  let configuration: ConnectionConfiguration

  func result() async -> CheckResult {
    let hosts = configuration.eachHost(connectTimeout: DatabaseSettings.doctorConnectTimeout)
    let states = await withTaskGroup(of: (Int, HostState).self) { group in
      for (index, host) in hosts.enumerated() { group.addTask { (index, await Self.state(of: host)) } }
      return await group.reduce(into: [Int: HostState]()) { $0[$1.0] = $1.1 }
    }
    let found = hosts.indices.compactMap { index in
      states[index].map { "\(hosts[index].address) \($0.description)" }
    }.joined(separator: "; ")
    return judge(Array(states.values), found)
  }

  private func judge(_ states: [HostState], _ found: String) -> CheckResult {
    // Two addresses can lead to the same server.
    let writable = Set(states.compactMap(\.startTime)).count
    if writable == 0 {
      return .fail(found, "No host is writable: start PostgreSQL, promote a standby, or correct DATABASE_URL")
    }
    if writable > 1 {
      return .fail(found, "Only one host may be the primary: the others count charges separately")
    }
    if states.contains(where: \.isUnreachable) {
      return .warn(
        found, "Start the unreachable host, or remove it from DATABASE_URL: no failover to it is possible")
    }
    if let attributes = configuration.targetSessionAttributes,
      !["read-write", "primary"].contains(attributes)
    {
      return .warn(
        "\(found); target_session_attrs=\(attributes)",
        "Remove it from DATABASE_URL: a standby can accept a key that was just revoked")
    }
    return .ok(found)
  }

  private static func state(of host: ConnectionConfiguration) async -> HostState {
    do {
      // libpq's own limit does not cover the name servers.
      return try await withTimeout(.seconds(8)) {
        let connection = try await Connection.connect(host, logger: .silent)
        let row = try? await connection.row(of: DoctorStatements.host, [])
        await connection.close()
        guard let row else { return .unreachable("it accepts connections but does not answer") }
        if try row.decode("is_standby", as: Bool.self) { return .standby }
        if try row.decode("is_read_only", as: Bool.self) { return .readOnly }
        return .writable(since: try row.decode("start", as: PostgresTimestamp.self))
      }
    } catch {
      return .unreachable(DoctorRun.text(of: error))
    }
  }
}

private enum HostState: Sendable {
  /// With the server's start time, which identifies it.
  case writable(since: PostgresTimestamp)
  case standby
  case readOnly
  case unreachable(String)

  var startTime: PostgresTimestamp? {
    if case .writable(let time) = self { time } else { nil }
  }

  var isUnreachable: Bool {
    if case .unreachable = self { true } else { false }
  }

  var description: String {
    switch self {
    case .writable: "is writable"
    case .standby: "is a standby"
    case .readOnly: "is read-only (default_transaction_read_only)"
    case .unreachable(let reason): "is unreachable: \(reason)"
    }
  }
}

extension ConnectionConfiguration {
  fileprivate var address: String { (host ?? "the default host") + (port.map { ":\($0)" } ?? "") }
}

/// Whether the server would get a connection.
struct ConnectionCheck: Sendable {
  let pool: ConnectionPool

  func result() async -> CheckResult {
    do {
      // Enough for several hosts, one of them slow.
      let row = try await withTimeout(.seconds(15)) { [pool] in
        try await pool.withConnection { try await $0.row(of: DoctorStatements.connection, []) }
      }
      let isEncrypted = try row.decode("is_encrypted", as: Bool.self)
      return .ok(
        "the database \(try row.decode("database", as: String.self)), \(isEncrypted ? "" : "not ")encrypted")
    } catch {
      return .fail(
        DoctorRun.text(of: error),
        "Correct DATABASE_URL or the server it names (PgBouncer needs ignore_startup_parameters = options)")
    }
  }
}

/// Whether a pooler in front of PostgreSQL gives the server what it needs: transactions, and prepared statements if they are
/// on.
struct PoolerCheck: Sendable {
  let configuration: ConnectionConfiguration
  let usesPreparedStatements: Bool

  /// - Returns: the result, and whether there is a pooler. Nil if the other checks are impossible.
  func result() async -> (CheckResult, isPooled: Bool?) {
    do {
      return try await withTimeout(.seconds(20)) { try await probe() }
    } catch {
      return (
        .fail("unknown: \(DoctorRun.text(of: error))", "Check that PostgreSQL has free connections"), nil
      )
    }
  }

  private func probe() async throws -> (CheckResult, isPooled: Bool?) {
    let hasTransactions = try await withConnection(configuration) { (connection: Connection) -> Bool? in
      guard try await connection.isPooled() else { return nil }
      return (try? await connection.transaction { _ = try await $0.execute(Self.first) }) != nil
    }
    guard let hasTransactions else { return (.ok("none"), false) }
    guard hasTransactions else {
      return (.fail("in statement mode, without transactions", "Set pool_mode = transaction"), nil)
    }
    guard usesPreparedStatements else { return (.ok("present. Prepared statements are off"), true) }
    guard try await keepsPreparedStatements() else {
      return (
        .fail(
          "in transaction mode, and does not keep prepared statements",
          "Set KEYMETER_PREPARED_STATEMENTS=off, or max_prepared_statements in PgBouncer 1.21 or newer"), true
      )
    }
    return (.ok("present. It keeps prepared statements"), true)
  }

  private static let first = Statement("doctor_pooler_first", "SELECT 1 AS first")
  private static let second = Statement("doctor_pooler_second", "SELECT 2 AS second")

  /// Two clients prepare a statement each, and make the pooler switch their sessions.
  private func keepsPreparedStatements() async throws -> Bool {
    let preparing = configuration.preparing
    return try await withConnection(preparing) { (first: Connection) -> Bool in
      try await withConnection(preparing) { (second: Connection) -> Bool in
        do {
          for _ in 0..<5 {
            _ = try await first.execute(Self.first)
            _ = try await second.execute(Self.second)
            try await second.transaction { (second: Connection) -> Void in
              _ = try await second.execute(Self.second)
              // Within a transaction, a missing statement is not prepared again.
              try await first.transaction { (first: Connection) -> Void in
                _ = try await first.execute(Self.first)
              }
            }
          }
          return true
        } catch let error as PostgresError
          where error.kind == .deadlineExceeded || error.sqlState == .queryCanceled
        {
          // With a single session, one client waits for the other, and sessions never switch.
          return true
        } catch let error as PostgresError where error.kind == .server {
          return false
        }
      }
    }
  }

  private func withConnection<Value: Sendable>(
    _ configuration: ConnectionConfiguration, _ body: (Connection) async throws -> Value
  ) async throws -> Value {
    let connection = try await Connection.connect(configuration, logger: .silent)
    let result: Result<Value, any Error>
    do { result = .success(try await body(connection)) } catch { result = .failure(error) }
    await connection.close()
    return try result.get()
  }
}
