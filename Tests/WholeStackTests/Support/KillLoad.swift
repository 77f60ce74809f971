import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import Synchronization
import Testing

/// Verifications and recorded events on a few keys, from clients that keep book while something is killed.
struct KillLoad: Sendable {
  /// One verification: of which key, how much, and what came of it.
  struct Noted: Sendable {
    let key: Int
    let amounts: Amounts
    let attempt: Attempt
  }

  /// What the clients saw.
  struct Seen: Sendable {
    let verifications: [Noted]
    /// How many events were answered.
    let events: Int
  }

  private static let workers = 16
  private static let recorders = 4
  private let keys: [(account: Account, limit: Int64?)]
  private let recorder: Account

  init(on node: Node, _ root: Account, limits: [Int64?]) async throws {
    var keys: [(Account, Int64?)] = []
    for limit in limits {
      keys.append((try await node.child(of: root, limit.map { #""usage_limit":\#($0)"# } ?? ""), limit))
    }
    self.keys = keys
    recorder = try await node.child(of: root)
  }

  /// Runs the load; does the harm at a third of it, and goes on for the rest once that is over.
  func run(
    on servers: Servers, attempts: Int, harm: @escaping @Sendable () async throws -> Void
  ) async throws -> Seen {
    let progress = Progress(before: attempts / 3, after: attempts - attempts / 3)
    return try await withClient(connections: Self.workers + Self.recorders) { client in
      async let harmed: Void = progress.harm(harm)
      async let events = concurrently(Self.recorders) { worker in
        try await record(worker, on: servers, while: progress, via: client)
      }
      let noted = try await concurrently(Self.workers) { worker in
        try await verify(worker, on: servers, while: progress, via: client)
      }
      try await harmed
      return try await Seen(verifications: noted.flatMap { $0 }, events: events.reduce(0, +))
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

  /// Reports events, each until it is answered, by whichever node is there.
  private func record(
    _ worker: Int, on servers: Servers, while progress: Progress, via client: HTTPClient
  ) async throws -> Int {
    var events = 0
    while !progress.isOver {
      let body = #"{"tokens":7,"event_id":"\#(worker)-\#(events)"}"#
      for tries in 0... {
        let attempt = await servers[worker + tries].attemptPost("usage/record", recorder, body, via: client)
        if attempt.status == 200 { break }
        guard attempt.isOpen, tries < 10_000 else {
          throw TestFailure("an event was answered \(attempt.outcome)")
        }
        try await Task.sleep(for: .milliseconds(10))
      }
      events += 1
    }
    return events
  }

  /// Answered ≤ counted ≤ answered and open, and counted ≤ limit; events exactly.
  func expectLaws(_ seen: Seen, at url: String) async throws {
    for (number, key) in keys.enumerated() {
      var answered = Amounts.zero
      var open = Amounts.zero
      for note in seen.verifications where note.key == number {
        if note.attempt.status == 200 { answered += note.amounts }
        if note.attempt.isOpen { open += note.amounts }
      }
      let counters = try await Counters.read(key.account.keyID, at: url)
      #expect(answered.isWithin(counters.used), "an answered charge was lost")
      #expect((counters.used - answered).isWithin(open), "more was charged than anybody asked for")
      #expect(counters.daily == counters.used)
      if let limit = key.limit { #expect(counters.used.requests <= limit) }
    }
    let statuses = Set(seen.verifications.compactMap(\.attempt.status))
    #expect(statuses.isSubset(of: [200, 429, 503]) && statuses.isSuperset(of: [200, 429]))
    let recorded = try await Counters.read(recorder.keyID, at: url)
    #expect(recorded.used == Amounts(tokens: Int64(7 * seen.events)), "an event counts exactly once")
    #expect(recorded.daily == recorded.used)
  }
}

/// The servers that a load goes to; one may be replaced while it runs.
final class Servers: Sendable {
  private let nodes: Mutex<[Node]>

  init(_ nodes: [Node]) { self.nodes = Mutex(nodes) }

  subscript(number: Int) -> Node { nodes.withLock { $0[number % $0.count] } }

  func replace(_ number: Int, by node: Node) { nodes.withLock { $0[number] = node } }
}

/// How far a load is: so many attempts before the harm, any number during it, so many after it.
private final class Progress: Sendable {
  private struct State {
    var before: Int
    var after: Int
    var harmIsOver = false
  }

  private let state: Mutex<State>

  init(before: Int, after: Int) { state = Mutex(State(before: before, after: after)) }

  /// Whether one more attempt is to be made.
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

  /// Does the harm once the attempts before it are made.
  func harm(_ harm: @Sendable () async throws -> Void) async throws {
    defer { state.withLock { $0.harmIsOver = true } }
    _ = try await eventually("the load to be under way") {
      self.state.withLock { $0.before <= 0 } ? true : nil
    }
    try await harm()
  }
}
