import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import Synchronization
import Testing

/// A load on a few keys while a process is killed: verifications, and reports that are retried until they are answered.
///
/// The clients keep accounts of both.
struct KillLoad: Sendable {
  /// One verification: its key, its charge and its outcome.
  struct Noted: Sendable {
    let key: Int
    let amounts: Amounts
    let attempt: Attempt
  }

  /// The clients' accounts.
  struct Seen: Sendable {
    let verifications: [Noted]
    /// The answered reports, each once.
    let reports: [Reported]
  }

  /// An answered report.
  struct Reported: Sendable {
    let report: Report
    let reply: Reply
  }

  /// A way of reporting usage that counts once, however often it is sent.
  enum Report: CaseIterable {
    case event, namedRecord, namedReservation

    var status: Int { self == .namedReservation ? 201 : 200 }

    var path: String { self == .namedReservation ? "usage/reserve" : "usage/record" }

    func body(_ number: String) -> String {
      self == .event ? #"{"tokens":7,"event_id":"\#(number)"}"# : #"{"tokens":7}"#
    }

    func name(_ number: String) -> String? { self == .event ? nil : number }
  }

  private static let workers = 16
  private static let recorders = 6
  private let keys: [(account: Account, limit: Int64?)]
  private let recorders: [Report: Account]

  init(on node: Node, _ root: Account, limits: [Int64?]) async throws {
    var keys: [(Account, Int64?)] = []
    for limit in limits {
      keys.append((try await node.child(of: root, limit.map { #""usage_limit":\#($0)"# } ?? ""), limit))
    }
    self.keys = keys
    var recorders: [Report: Account] = [:]
    for report in Report.allCases { recorders[report] = try await node.child(of: root) }
    self.recorders = recorders
  }

  /// Runs the load, calls `harm` after a third of it, and continues with the rest after that.
  func run(
    on servers: Servers, attempts: Int, harm: @escaping @Sendable () async throws -> Void
  ) async throws -> Seen {
    let progress = Progress(before: attempts / 3, after: attempts - attempts / 3)
    return try await withClient(connections: Self.workers + Self.recorders) { client in
      async let harmed: Void = progress.harm(harm)
      async let reported = concurrently(Self.recorders) { worker in
        try await report(worker, on: servers, while: progress, via: client)
      }
      let noted = try await concurrently(Self.workers) { worker in
        try await verify(worker, on: servers, while: progress, via: client)
      }
      try await harmed
      return try await Seen(verifications: noted.flatMap { $0 }, reports: reported.flatMap { $0 })
    }
  }

  private func verify(
    _ worker: Int, on servers: Servers, while progress: Progress, via client: HTTPClient
  ) async throws -> [Noted] {
    var random = SeededGenerator(seed: UInt64(worker))
    var noted: [Noted] = []
    while progress.next() {
      let key = Int.random(in: 0..<keys.count, using: &random)
      let amounts = Amounts(
        requests: .random(in: 1...3, using: &random), tokens: .random(in: 0...9, using: &random))
      let attempt = await servers[worker].attemptVerify(keys[key].account, amounts.query, via: client)
      noted.append(Noted(key: key, amounts: amounts, attempt: attempt))
      if attempt.isOpen { try await Task.sleep(for: .milliseconds(10)) }
    }
    return noted
  }

  /// Sends reports, each until a node answers it.
  private func report(
    _ worker: Int, on servers: Servers, while progress: Progress, via client: HTTPClient
  ) async throws -> [Reported] {
    let report = Report.allCases[worker % Report.allCases.count]
    var reported: [Reported] = []
    while !progress.isOver {
      let number = "\(worker)-\(reported.count)"
      var reply = try await retry(report, number, worker, on: servers, via: client)
      // A kill seldom falls between commit and response, so some responses are dropped on purpose.
      if reported.count.isMultiple(of: 3) {
        reply = try await retry(report, number, worker + 1, on: servers, via: client)
      }
      reported.append(Reported(report: report, reply: reply))
    }
    return reported
  }

  private func retry(
    _ report: Report, _ number: String, _ worker: Int, on servers: Servers, via client: HTTPClient
  ) async throws -> Reply {
    guard let account = recorders[report] else { throw TestFailure("no account for \(report)") }
    for tries in 0..<10_000 {
      let attempt = await servers[worker + tries].attemptPost(
        report.path, account, report.body(number), named: report.name(number), via: client)
      if let reply = attempt.reply, reply.status == report.status { return reply }
      // 409: PostgreSQL still runs the transaction of a killed node.
      guard attempt.isOpen || (report != .event && attempt.status == 409) else {
        throw TestFailure("a report was answered \(attempt.outcome)")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw TestFailure("a report was never answered")
  }

  /// Expects answered ≤ counted ≤ answered + open, counted ≤ limit, and exact counts of the reports.
  func expectExact(_ seen: Seen, at url: String) async throws {
    for (number, key) in keys.enumerated() {
      var answered = Amounts.zero
      var open = Amounts.zero
      for note in seen.verifications where note.key == number {
        if note.attempt.status == 200 { answered += note.amounts }
        if note.attempt.isOpen { open += note.amounts }
      }
      let counters = try await Counters.read(key.account.keyID, at: url)
      #expect(answered.isWithin(counters.used), "an answered charge was lost")
      #expect((counters.used - answered).isWithin(open), "more was charged than was requested")
      #expect(counters.daily == counters.used)
      if let limit = key.limit { #expect(counters.used.requests <= limit) }
    }
    let statuses = Set(seen.verifications.compactMap(\.attempt.status))
    #expect(statuses.isSubset(of: [200, 429, 503]) && statuses.isSuperset(of: [200, 429]))
    for (report, account) in recorders {
      let answered = seen.reports.filter { $0.report == report }
      let counted = try await Counters.read(account.keyID, at: url)
      #expect(!answered.isEmpty)
      #expect(counted.used == Amounts(tokens: Int64(7 * answered.count)), "\(report) counts exactly once")
      #expect(counted.daily == counted.used)
      let reservations = Set(answered.compactMap { $0.reply.text("reservation_id") })
      #expect(reservations.count == (report == .namedReservation ? answered.count : 0))
    }
  }
}

/// The servers of a load.
///
/// One may be replaced while it runs.
final class Servers: Sendable {
  private let nodes: Mutex<[Node]>

  init(_ nodes: [Node]) { self.nodes = Mutex(nodes) }

  subscript(number: Int) -> Node { nodes.withLock { $0[number % $0.count] } }

  func replace(_ number: Int, by node: Node) { nodes.withLock { $0[number] = node } }
}

/// The progress of a load: a number of attempts before the harm, any number during it, and a number after it.
private final class Progress: Sendable {
  private struct State {
    var before: Int
    var after: Int
    var harmIsOver = false
  }

  private let state: Mutex<State>

  init(before: Int, after: Int) { state = Mutex(State(before: before, after: after)) }

  /// Whether to make another attempt.
  func next() -> Bool {
    state.withLock { state in
      guard state.harmIsOver else {
        state.before -= 1
        return true
      }
      state.after -= 1
      return state.after >= 0
    }
  }

  var isOver: Bool { state.withLock { $0.harmIsOver && $0.after <= 0 } }

  /// Calls `harm` after the attempts before it.
  func harm(_ harm: @Sendable () async throws -> Void) async throws {
    defer { state.withLock { $0.harmIsOver = true } }
    _ = try await eventually("the load to run") {
      self.state.withLock { $0.before <= 0 } ? true : nil
    }
    try await harm()
  }
}
