import AsyncHTTPClient
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import NIOHTTP1
import Postgres
import Testing

extension UnderLoad {
  @Suite("Key management") struct KeyManagement {
    private static let duels = 40
    /// The losers fail to authenticate more often than one address may.
    private static let unlimited = ["KEYMETER_AUTH_FAILURES_PER_MINUTE": "0"]

    @Test(
      "When two root keys end each other or themselves on two nodes at once, exactly one survives, every time"
    )
    func rootDuel() async throws {
      try await Node.with(count: 2, environment: Self.unlimited) { nodes, database in
        try await database.withPool { pool in
          let store = PostgresTenantStore(pool: pool)
          let service = OrganisationService(store: store, peppers: try .test)
          for duel in 0..<Self.duels {
            let one = try await Node.organisation("clinic-\(duel)", on: database)
            let issued = try await service.createRootKey(
              ProviderID(validating: one.provider), name: .test("Second"))
            let other = Account(
              provider: one.provider, key: issued.secret.revealed, keyID: issued.key.id.rawValue)
            let (method, suffix): (HTTPMethod, String) =
              duel.isMultiple(of: 2) ? (.POST, "/revoke") : (.DELETE, "")
            let eachItself = duel % 4 < 2
            let targets = eachItself ? (one, other) : (other, one)
            async let first = nodes[0].scrubbe(method, "/\(targets.0.keyID)\(suffix)", one)
            async let second = nodes[1].scrubbe(method, "/\(targets.1.keyID)\(suffix)", other)
            let statuses = try await [first.status, second.status].sorted()
            #expect(statuses == [200, eachItself ? 409 : 401], "duel \(duel)")
            let left = try await [one, other].map(\.bareHeaders).asyncFilter { headers in
              try await send(.GET, nodes[0].baseURL + "/api/v1/apikey/apikeys", headers: headers).status
                == 200
            }
            #expect(left.count == 1, "duel \(duel)")
          }
          #expect(try await Self.deadlocks(on: pool) == 0)
        }
      }
    }

    /// How many deadlocks PostgreSQL has resolved.
    ///
    /// All transactions lock in the same order, so none.
    private static func deadlocks(on pool: ConnectionPool) async throws -> Int64 {
      // A backend reports its statistics within a second of its last transaction.
      try await Task.sleep(for: .milliseconds(1_200))
      let result = try await pool.withConnection { connection in
        try await connection.execute(
          Statement(
            "test_deadlocks",
            "SELECT deadlocks FROM pg_catalog.pg_stat_database WHERE datname = current_database()"))
      }
      return try result.rows.first?.decode("deadlocks", as: Int64.self) ?? 0
    }

    @Test("Of 8 concurrent rotations of a root key by itself one succeeds, and both of its secrets work")
    func rotationTangle() async throws {
      try await Node.with(count: 2, environment: Self.unlimited) { nodes, database in
        for round in 0..<10 {
          let root = try await Node.organisation("clinic-\(round)", on: database)
          let replies = try await concurrently(8) { number in
            try await nodes[number % 2].scrubbe(
              .POST, "/\(root.keyID)/rotate", root, body: #"{"overlapSecs":600}"#)
          }
          // A superseded secret stays valid for the overlap but cannot rotate its key again.
          #expect(replies.map(\.status).sorted() == [200] + Array(repeating: 409, count: 7))
          #expect(try await nodes[0].scrubbe(.GET, "/apikeys", root).status == 200)
          for value in replies.compactMap({ $0.data("key") }) {
            let account = Account(provider: root.provider, key: value, keyID: root.keyID)
            #expect(try await nodes[1].scrubbe(.GET, "/apikeys", account).status == 200)
          }
        }
        #expect(try await database.withPool { try await Self.deadlocks(on: $0) } == 0)
      }
    }

    @Test(
      "A listing shows every key that stays exactly once while another node creates and deletes others")
    func pagingUnderChange() async throws {
      try await Node.with(count: 2, environment: Self.unlimited) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        var staying: Set<String> = [root.keyID]
        var passing: [Account] = []
        for number in 0..<60 {
          let key = try await nodes[0].issue(by: root)
          if number.isMultiple(of: 2) { staying.insert(key.keyID) } else { passing.append(key) }
        }
        let isOver = Shared(false)
        let doomed = passing
        async let changes = concurrently(3) { worker in
          var changed = 0
          var own = doomed.indices.filter { $0 % 3 == worker }.map { doomed[$0] }
          while !isOver.value {
            let key = own.removeFirst()
            let reply = try await nodes[1].scrubbe(.DELETE, "/\(key.keyID)", root)
            guard reply.status == 200 else { throw TestFailure("\(reply.status): \(reply.body)") }
            own.append(try await nodes[1].issue(by: root))
            changed += 1
          }
          return changed
        }
        for round in 0..<25 {
          let listed = try await nodes[0].allPages(1 + round % 9, root)
          #expect(Set(listed).count == listed.count)
          #expect(staying.isSubset(of: listed))
        }
        isOver.value = true
        #expect(try await changes.reduce(0, +) > 0)
      }
    }
  }
}

extension Array {
  fileprivate func asyncFilter(_ isIncluded: (Element) async throws -> Bool) async rethrows -> [Element] {
    var included: [Element] = []
    for element in self where try await isIncluded(element) { included.append(element) }
    return included
  }
}
