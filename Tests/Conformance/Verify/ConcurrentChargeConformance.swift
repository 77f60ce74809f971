import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Concurrent charges", .timeLimit(.minutes(10)))
struct ConcurrentChargeConformance {
  @Test(
    "Of 64 concurrent charges exactly the number that fits the limit is admitted",
    arguments: Backend.allCases,
    Race.all)
  func exactlyWhatIsLeft(backend: Backend, race: Race) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: Int64(race.left) + 1))
      if race.counterExists {
        _ = try await key.verify()
      } else {
        try await key.setLimits(.init(requests: Int64(race.left)))
      }
      let start = try await key.used() ?? .zero
      let outcomes = try await under.race(
        Array(repeating: try key.request(), count: 64), nodes: race.nodes)
      #expect(outcomes.filter { $0.admission.admitted != nil }.count == race.left)
      expectOneAfterAnother(outcomes, from: start)
      #expect(try await key.used()?.requests == start.requests + Int64(race.left))
    }
  }

  @Test(
    "Concurrent charges in three dimensions are charged in full or not at all", arguments: Backend.allCases,
    [1, 2])
  func threeDimensions(backend: Backend, nodes: Int) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 40, tokens: 100, speechSeconds: 70))
      var random = SeededGenerator(seed: 21)
      let requests = try (0..<96).map { _ in
        try key.request(
          .init(
            requests: 1, tokens: .random(in: 0...6, using: &random),
            speechSeconds: .random(in: 0...4, using: &random)))
      }
      let outcomes = try await under.race(requests, nodes: nodes)
      expectOneAfterAnother(outcomes, from: .zero)
      #expect(try await key.used() == outcomes.admittedSum)
    }
  }

  @Test(
    "Concurrent charges of mixed sizes never exceed a limit, and none that fits is rejected",
    arguments: Backend.allCases, [31, 32, 33] as [UInt64])
  func mixedSizes(backend: Backend, seed: UInt64) async throws {
    try await backend.withStore { under in
      var random = SeededGenerator(seed: seed)
      var keys: [MeteredKey] = []
      for limit in [0, 50, 100, nil] as [Int64?] {
        keys.append(try await under.key(limits: .init(tokens: limit)))
      }
      var requests: [AdmissionRequest] = []
      var owners: [Int] = []
      for _ in 0..<400 {
        owners.append(.random(in: keys.indices, using: &random))
        requests.append(
          try keys[owners[owners.count - 1]].request(.init(tokens: .random(in: 1...12, using: &random))))
      }
      let outcomes = try await under.race(requests, nodes: 2)
      for (index, key) in keys.enumerated() {
        let own = zip(owners, outcomes).filter { $0.0 == index }.map(\.1)
        expectOneAfterAnother(own, from: .zero)
        #expect(try await key.used() == own.admittedSum)
      }
    }
  }

  @Test(
    "Charges concurrent with a lowered limit follow the old limit before it and the new one after",
    arguments: Backend.allCases)
  func loweredLimit(backend: Backend) async throws {
    try await backend.withStore { under in
      for round in 0..<4 {
        let key = try await under.key(limits: .init(requests: 1_000))
        async let lowered: Void = key.setLimits(.init(requests: 5))
        let outcomes = try await under.race(Array(repeating: try key.request(), count: 128), nodes: 2)
        try await lowered
        let admitted = outcomes.compactMap(\.admission.admitted).sorted {
          $0.used.requests < $1.used.requests
        }
        #expect(admitted.map(\.used.requests) == admitted.indices.map { Int64($0 + 1) }, "round \(round)")
        #expect(admitted.allSatisfy { $0.used.requests <= $0.limits.requests ?? .max })
        let firstNew = admitted.firstIndex { $0.limits.requests == 5 } ?? admitted.endIndex
        #expect(admitted[firstNew...].allSatisfy { $0.limits.requests == 5 })
        #expect(try await key.verify(.init(requests: 5)).rejection == .overLimit(.requests))
      }
    }
  }

  @Test("Concurrent reservations, records and verifications share one limit", arguments: Backend.allCases)
  func allKinds(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 30))
      let outcomes = try await withThrowingTaskGroup(of: (kind: Int, admitted: Bool).self) { group in
        for index in 0..<90 {
          group.addTask {
            switch index % 3 {
            case 0: (0, try await key.verify().admitted != nil)
            case 1: (1, try await key.reserve(.oneRequest).id != nil)
            default: (2, try await key.record(.init(tokens: 1)).counted != nil)
            }
          }
        }
        return try await group.reduce(into: [(kind: Int, admitted: Bool)]()) { $0.append($1) }
      }
      let admitted = outcomes.filter(\.admitted)
      #expect(admitted.filter { $0.kind != 2 }.count == 30)
      #expect(admitted.filter { $0.kind == 2 }.count == 30)
      #expect(try await key.used() == .init(requests: 30, tokens: 30))
      #expect(try await key.usage()?.reserved.requests == Int64(admitted.filter { $0.kind == 1 }.count))
    }
  }

  @Test(
    "Of many concurrent settlements with different amounts exactly one succeeds", arguments: Backend.allCases)
  func settlers(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let id = try await key.hold(.init(tokens: 100))
      let outcomes = try await withThrowingTaskGroup(of: Settlement.self) { group in
        for amount in 0..<16 { group.addTask { try await key.settle(id, .init(tokens: Int64(amount))) } }
        return try await group.reduce(into: [Settlement]()) { $0.append($1) }
      }
      let settled = outcomes.compactMap(\.used)
      #expect(settled.count == 1)
      #expect(outcomes.filter { $0 == .settledOtherwise }.count == 15)
      #expect(try await key.used() == settled.first)
    }
  }

  @Test("Concurrent sweeps end each reservation once", arguments: Backend.allCases)
  func sweepers(backend: Backend) async throws {
    try await backend.withStore { under in
      let keys = [try await under.key(), try await under.key(), try await under.key()]
      for index in 0..<30 {
        let id = try await keys[index % 3].hold(.oneRequest, onExpiry: index < 15 ? .release : .charge)
        try await under.hooks.runOut(id)
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<12 {
          group.addTask {
            if index % 3 == 0 { _ = try await keys[0].verify() }
            _ = try await under.hooks.sweepExpiredReservations()
          }
        }
        try await group.waitForAll()
      }
      _ = try await under.hooks.sweepExpiredReservations()
      #expect(try await keys[0].used() == .init(requests: 9))
      #expect(try await keys[1].used() == .init(requests: 5))
    }
  }

  @Test("Of 16 concurrent reports of one event exactly one counts", arguments: Backend.allCases)
  func events(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let repeated = try await withThrowingTaskGroup(of: Bool?.self) { group in
        for _ in 0..<16 {
          group.addTask { try await key.record(.init(tokens: 4), event: "once").counted?.repeated }
        }
        return try await group.reduce(into: [Bool?]()) { $0.append($1) }
      }
      #expect(repeated.filter { $0 == false }.count == 1)
      #expect(repeated.filter { $0 == true }.count == 15)
      #expect(try await key.used() == .init(tokens: 4))
    }
  }

  @Test(
    "A request with an invalid amount fails alone, and the others of its batch are charged once",
    arguments: Backend.allCases)
  func impossibleNeighbour(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let admitted = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<64 {
          group.addTask {
            let charge = index == 40 ? Amounts(requests: -1) : .oneRequest
            do {
              return try await key.verify(charge).admitted == nil ? 0 : 1
            } catch {
              return 0
            }
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(admitted == 63)
      #expect(try await key.used() == .init(requests: 63))
    }
  }
}

/// 64 concurrent charges and the limit they meet.
struct Race: Sendable, CustomTestStringConvertible {
  let left: Int
  let nodes: Int
  /// Whether the month has been charged before.
  ///
  /// Otherwise the racers create its counter.
  let counterExists: Bool

  static let all = [0, 1, 17, 63].flatMap { left in
    [1, 2].flatMap { nodes in
      [true, false].map { Race(left: left, nodes: nodes, counterExists: $0) }
    }
  }

  var testDescription: String {
    "\(left) left, \(nodes) nodes, \(counterExists ? "charged before" : "the month's first charge")"
  }
}

/// A charge and its result.
struct Outcome: Sendable {
  let charge: Amounts
  let admission: Admission
}

extension [Outcome] {
  fileprivate var admittedSum: Amounts {
    reduce(into: .zero) { sum, outcome in
      guard outcome.admission.admitted != nil else { return }
      for dimension in Dimension.allCases { sum[dimension] += outcome.charge[dimension] }
    }
  }
}

extension StoreUnderTest {
  /// Sends all requests at once, spread over the first `nodes` nodes in turn.
  fileprivate func race(_ requests: [AdmissionRequest], nodes count: Int) async throws -> [Outcome] {
    try await withThrowingTaskGroup(of: (Int, Admission).self) { group in
      for (index, request) in requests.enumerated() {
        group.addTask { (index, try await nodes[index % count].admit(request)) }
      }
      return try await group.reduce(into: [(Int, Admission)]()) { $0.append($1) }
        .sorted { $0.0 < $1.0 }
        .map { Outcome(charge: requests[$0.0].charge, admission: $0.1) }
    }
  }
}

/// Checks that one key's results match some sequential order.
///
/// Each admitted charge leads from one state of the counters to the next. Each rejected one did not fit the state
/// it reports. No state exceeds a limit. Charges of zero are not allowed.
/// Every charge must be of something.
private func expectOneAfterAnother(
  _ outcomes: [Outcome], from start: Amounts, sourceLocation: SourceLocation = #_sourceLocation
) {
  var state = start
  var states: Set<Amounts> = [start]
  let admitted = outcomes.compactMap { outcome in
    outcome.admission.admitted.map { (charge: outcome.charge, standing: $0) }
  }
  for (charge, standing) in admitted.sorted(by: { $0.standing.used.total < $1.standing.used.total }) {
    for dimension in Dimension.allCases {
      state[dimension] += charge[dimension]
      let limit = standing.limits[dimension] ?? .max
      #expect(charge[dimension] == 0 || state[dimension] <= limit, sourceLocation: sourceLocation)
    }
    #expect(standing.used == state, sourceLocation: sourceLocation)
    states.insert(state)
  }
  for outcome in outcomes where outcome.admission.admitted == nil {
    guard case .rejected(.overLimit(let dimension), let standing?) = outcome.admission else {
      Issue.record("\(outcome)", sourceLocation: sourceLocation)
      continue
    }
    #expect(states.contains(standing.used), "unknown state", sourceLocation: sourceLocation)
    let limit = standing.limits[dimension] ?? .max
    let wanted = standing.used[dimension] + outcome.charge[dimension]
    #expect(wanted > limit, "would have fit: \(outcome)", sourceLocation: sourceLocation)
  }
}

extension Amounts {
  fileprivate var total: Int64 { requests + tokens + speechSeconds }
}
