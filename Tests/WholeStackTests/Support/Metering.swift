import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1

/// The runtime API on behalf of an account.
extension Node {
  /// A node that says little, for tests that send much.
  static let quiet = ["KEYMETER_LOG_LEVEL": "info"]

  /// Runs `body` with as many servers as asked for on one migrated database.
  static func with(
    count: Int, environment: [String: String] = [:], _ body: ([Node], TestDatabase) async throws -> Void
  ) async throws {
    try await TestDatabase.withMigrated { database in
      var nodes: [Node] = []
      do {
        for _ in 0..<count {
          let environment = quiet.merging(environment) { $1 }
          nodes.append(try await start(databaseURL: database.url, environment: environment))
        }
        try await body(nodes, database)
      } catch {
        for node in nodes { await node.process.discard() }
        throw error
      }
      for node in nodes { await node.process.discard() }
    }
  }

  /// Issues a child key; `members` are further members of the body, such as `"usage_limit":1`.
  func child(
    of root: Account, _ members: String = "", via client: HTTPClient = .shared
  ) async throws -> Account {
    let rest = members.isEmpty ? "" : ",\(members)"
    let reply = try await send(
      .POST, baseURL + "/api/v1/api-key", headers: root.headers + [Self.json],
      body: #"{"friendly_name":"Child"\#(rest)}"#, via: client)
    return try root.child(reply)
  }

  /// Verifies as a back end that has read the Scrubs reference would.
  func verify(
    _ account: Account, _ query: String = "", via client: HTTPClient = .shared
  ) async throws -> Reply {
    try await send(.GET, baseURL + "/api/v1/verify" + query, headers: account.headers, via: client)
  }

  /// Verifies, and notes what became of it.
  func attemptVerify(_ account: Account, _ query: String = "", via client: HTTPClient) async -> Attempt {
    await attempt(.GET, baseURL + "/api/v1/verify" + query, headers: account.headers, via: client)
  }

  /// Posts a body to `/api/v1/usage/…` or `/api/v1/usage-analytics`.
  func post(
    _ path: String, _ account: Account, _ body: String, via client: HTTPClient = .shared
  ) async throws -> Reply {
    try await send(
      .POST, baseURL + "/api/v1/" + path, headers: account.headers + [Self.json], body: body, via: client)
  }

  /// Posts a body with an `Idempotency-Key`.
  func post(
    _ path: String, _ account: Account, _ body: String, named name: String, via client: HTTPClient = .shared
  ) async throws -> Reply {
    try await send(
      .POST, baseURL + "/api/v1/" + path,
      headers: account.headers + [Self.json, ("Idempotency-Key", name)], body: body, via: client)
  }

  /// Posts a body, and notes what became of it.
  ///
  /// - Parameter name: the `Idempotency-Key`; `nil` sends none.
  func attemptPost(
    _ path: String, _ account: Account, _ body: String, named name: String? = nil, via client: HTTPClient
  ) async -> Attempt {
    let headers = account.headers + [Self.json] + (name.map { [("Idempotency-Key", $0)] } ?? [])
    return await attempt(.POST, baseURL + "/api/v1/" + path, headers: headers, body: body, via: client)
  }

  private static var json: (String, String) { ("Content-Type", "application/json") }
}

extension Account {
  /// The same key in the other dialect's header.
  var bareHeaders: [(String, String)] { [("X-API-Key", key)] }
}

extension Reply {
  func header(_ name: String) -> String? { headers.first(name: name) }

  /// One number of `limits`; `nil` where it is `null` or missing.
  func limit(_ dimension: String, _ member: String) -> Int? {
    let limits = json["limits"] as? [String: Any]
    return (limits?[dimension] as? [String: Any])?[member] as? Int
  }
}
