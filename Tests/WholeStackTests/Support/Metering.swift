import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1

/// Calls of the runtime API.
extension Node {
  /// Issues a child key.
  ///
  /// `members` are further members of the body, such as `"usage_limit":1`.
  func child(
    of root: Account, _ members: String = "", via client: HTTPClient = .shared
  ) async throws -> Account {
    let rest = members.isEmpty ? "" : ",\(members)"
    let reply = try await send(
      .POST, baseURL + "/api/v1/api-key", headers: root.headers + [Self.json],
      body: #"{"friendly_name":"Child"\#(rest)}"#, via: client)
    return try root.child(reply)
  }

  /// Verifies with the Scrubs credentials.
  func verify(
    _ account: Account, _ query: String = "", via client: HTTPClient = .shared
  ) async throws -> Reply {
    try await send(.GET, baseURL + "/api/v1/verify" + query, headers: account.headers, via: client)
  }

  /// Verifies and records the outcome.
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

  /// Posts a body and records the outcome.
  ///
  /// - Parameter name: the `Idempotency-Key`, or `nil` for none.
  func attemptPost(
    _ path: String, _ account: Account, _ body: String, named name: String? = nil, via client: HTTPClient
  ) async -> Attempt {
    let headers = account.headers + [Self.json] + (name.map { [("Idempotency-Key", $0)] } ?? [])
    return await attempt(.POST, baseURL + "/api/v1/" + path, headers: headers, body: body, via: client)
  }

  private static var json: (String, String) { ("Content-Type", "application/json") }
}

extension Account {
  /// The same key in the Scrubbe header.
  var bareHeaders: [(String, String)] { [("X-API-Key", key)] }
}
