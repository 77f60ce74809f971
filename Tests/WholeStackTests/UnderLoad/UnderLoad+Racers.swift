import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import Testing

extension UnderLoad {
  @Suite("Racers") struct Racers {
    private static let racers = 64

    @Test(
      "64 concurrent verifications never exceed the limit: exactly as many are admitted as are left",
      arguments: [1, 2])
    func exact(nodeCount: Int) async throws {
      try await Node.with(count: nodeCount) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        try await withClient(connections: Self.racers) { client in
          for left in [1, 7, 1, 63, 0, 20] {
            let child = try await nodes[0].child(of: root, #""usage_limit":\#(left)"#, via: client)
            try await race(for: child, left: left, on: nodes, via: client)
            let counters = try await Counters.read(child.keyID, at: database.url)
            #expect(counters.used == Amounts(requests: Int64(left)))
            #expect(counters.daily == counters.used)
          }
        }
      }
    }

    @Test("Charges in two dimensions are admitted until the first limit is reached")
    func mixedDimensions() async throws {
      try await Node.with(count: 2) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        try await withClient(connections: Self.racers) { client in
          let child = try await nodes[0].child(
            of: root, #""usage_limit":1000,"monthly_token_limit":100"#, via: client)
          #expect(try await nodes[0].verify(child, "?tokens=9").status == 200)
          let replies = try await concurrently(Self.racers) { number in
            try await nodes[number % 2].verify(child, "?tokens=13", via: client)
          }
          #expect(replies.filter { $0.status == 200 }.count == 7)
          #expect(replies.filter { $0.status == 429 }.count == Self.racers - 7)
          let counters = try await Counters.read(child.keyID, at: database.url)
          #expect(counters.used == Amounts(requests: 8, tokens: 100) && counters.daily == counters.used)
        }
      }
    }

    @Test("Concurrent verifications and reservations share one limit")
    func reservationsToo() async throws {
      try await Node.with(count: 2) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        try await withClient(connections: Self.racers) { client in
          for left in [1, 11] {
            let child = try await nodes[0].child(of: root, #""usage_limit":\#(left)"#, via: client)
            let replies = try await concurrently(Self.racers) { number in
              number % 4 < 2
                ? try await nodes[number % 2].verify(child, via: client)
                : try await nodes[number % 2].post("usage/reserve", child, #"{"requests":1}"#, via: client)
            }
            #expect(replies.filter { [200, 201].contains($0.status) }.count == left)
            #expect(replies.filter { $0.status == 429 }.count == Self.racers - left)
            let reserved = replies.filter { $0.status == 201 }.count
            let counters = try await Counters.read(child.keyID, at: database.url)
            #expect(counters.used.requests == left && counters.daily == counters.used)
            #expect(counters.reserved.requests == reserved)
          }
        }
      }
    }

    private func race(
      for account: Account, left: Int, on nodes: [Node], via client: HTTPClient
    ) async throws {
      let replies = try await concurrently(Self.racers) { number in
        try await nodes[number % nodes.count].verify(account, via: client)
      }
      #expect(replies.filter { $0.status == 200 }.count == left)
      #expect(replies.filter { $0.status == 429 }.count == Self.racers - left)
      // Each admitted request got another value of the counter.
      let values = replies.filter { $0.status == 200 }.compactMap { $0.limit("requests", "used") }
      #expect(values.sorted() == Array(1..<(left + 1)))
    }
  }
}
