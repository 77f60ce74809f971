import KeymeterRepository
import KeymeterServer
import Logging
import Postgres

/// Whether every host of the database's URL can be reached, and which one can be written to.
struct HostsCheck: Sendable {
  let configuration: ConnectionConfiguration

  /// For libpq's own limit, and a name that can't be looked up.
  private static let limit = Duration.seconds(8)

  func verdict() async -> CheckResult {
    let hosts = configuration.eachHost(connectTimeout: DatabaseSettings.inspectionConnectTimeout)
    let states = await withTaskGroup(of: (Int, HostState).self) { group in
      for (place, host) in hosts.enumerated() { group.addTask { (place, await Self.state(of: host)) } }
      var states: [Int: HostState] = [:]
      for await (place, state) in group { states[place] = state }
      return hosts.indices.compactMap { states[$0] }
    }
    let found = zip(hosts, states).map { "\($0.place) \($1.words)" }.joined(separator: "; ")
    return judge(states, found)
  }

  private func judge(_ states: [HostState], _ found: String) -> CheckResult {
    // One server may be reached by several ways, two poolers for example.
    let writable = Set(states.compactMap(\.start)).count
    if writable == 0 {
      return .fail(
        found,
        advice: "No host can be written to: start PostgreSQL, promote a standby, or correct DATABASE_URL")
    }
    if writable > 1 {
      return .fail(
        found, advice: "Several can be written to: only one may be the primary, or charges are counted apart")
    }
    if states.contains(where: \.isUnreachable) {
      return .warn(
        found,
        advice: "Start what can't be reached, or take it out of DATABASE_URL: a failover has nowhere to go")
    }
    if let attributes = configuration.targetSessionAttributes,
      !["read-write", "primary"].contains(attributes)
    {
      return .warn(
        found + "; target_session_attrs=\(attributes)",
        advice: "Leave it out of DATABASE_URL: on a standby a key that was revoked is still good")
    }
    return .ok(found)
  }

  private static func state(of host: ConnectionConfiguration) async -> HostState {
    do {
      return try await Bounded.run(limit) {
        let connection = try await Connection.connect(host, logger: .silent)
        let facts = try? await HostFacts.current(on: connection)
        await connection.close()
        guard let facts else { return .unreachable("it takes connections and answers nothing") }
        if facts.isStandby { return .standby }
        return facts.isReadOnly ? .readOnly : .writable(since: facts.start)
      }
    } catch {
      return .unreachable(DoctorRun.words(of: error))
    }
  }
}

/// How one host was found.
private enum HostState: Sendable, Equatable {
  /// Two that run since the same microsecond are one server.
  case writable(since: PostgresTimestamp)
  case standby
  case readOnly
  case unreachable(String)

  var start: PostgresTimestamp? {
    if case .writable(let start) = self { start } else { nil }
  }

  var isUnreachable: Bool {
    if case .unreachable = self { true } else { false }
  }

  var words: String {
    switch self {
    case .writable: "can be written to"
    case .standby: "is a standby"
    case .readOnly: "is read-only (default_transaction_read_only)"
    case .unreachable(let reason): "can't be reached: \(reason)"
    }
  }
}

extension ConnectionConfiguration {
  /// The host and port, as far as they are named.
  fileprivate var place: String { (host ?? "the default host") + (port.map { ":\($0)" } ?? "") }
}
