import KeymeterTesting

/// Nodes that can be replaced one after the other while clients use them, as behind a load balancer.
actor Fleet {
  private let database: TestDatabase
  private var nodes: [Node] = []
  private var underWay: [Int32: Int] = [:]

  init(database: TestDatabase, count: Int, environment: [String: String]) async throws {
    self.database = database
    for _ in 0..<count { nodes.append(try await start(environment)) }
  }

  /// Uses one of the nodes, which is not stopped before `body` returns.
  func use<Output: Sendable>(_ body: @Sendable (Node) async throws -> Output) async throws -> Output {
    guard let node = nodes.randomElement() else { throw TestFailure("no node") }
    underWay[node.process.processID, default: 0] += 1
    defer { underWay[node.process.processID, default: 0] -= 1 }
    return try await body(node)
  }

  /// Replaces the nodes, one after the other, by nodes with other settings.
  func roll(_ environment: [String: String]) async throws {
    for place in nodes.indices {
      let former = nodes[place]
      nodes[place] = try await start(environment)
      while underWay[former.process.processID, default: 0] > 0 { try await Task.sleep(for: .milliseconds(5)) }
      await former.process.discard()
    }
  }

  func discard() async {
    for node in nodes { await node.process.discard() }
  }

  private func start(_ environment: [String: String]) async throws -> Node {
    try await Node.start(databaseURL: database.url, environment: environment)
  }
}
