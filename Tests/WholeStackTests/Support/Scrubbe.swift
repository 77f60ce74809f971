import AsyncHTTPClient
import NIOHTTP1

/// Calls of the Scrubbe dialect.
extension Node {
  /// One call under `/api/v1/apikey`.
  ///
  /// - Parameter name: the `Idempotency-Key`, or `nil` for none.
  func scrubbe(
    _ method: HTTPMethod, _ path: String, _ account: Account, body: String? = nil,
    named name: String? = nil, via client: HTTPClient = .shared
  ) async throws -> Reply {
    try await send(
      method, baseURL + "/api/v1/apikey" + path,
      headers: account.bareHeaders + (body == nil ? [] : [("Content-Type", "application/json")])
        + (name.map { [("Idempotency-Key", $0)] } ?? []),
      body: body, via: client)
  }

  /// Issues a key in this dialect.
  func issue(
    by manager: Account, scopes: String = #"["*"]"#, _ members: String = "", via client: HTTPClient = .shared
  ) async throws -> Account {
    let rest = members.isEmpty ? "" : ",\(members)"
    let reply = try await scrubbe(
      .POST, "/createapikey", manager,
      body: #"{"name":"Issued","environment":"PRODUCTION","scopes":\#(scopes)\#(rest)}"#, via: client)
    return try manager.issued(reply)
  }

  /// The ids of a page of keys, and the next page's cursor.
  func page(_ query: String, _ account: Account) async throws -> (ids: [String], next: String?) {
    let reply = try await scrubbe(.GET, "/apikeys" + query, account)
    guard reply.status == 200, let keys = reply.json["data"] as? [[String: Any]],
      let pagination = reply.json["pagination"] as? [String: Any]
    else { throw TestFailure("\(reply.status): \(reply.body)") }
    return (keys.compactMap { $0["id"] as? String }, pagination["nextCursor"] as? String)
  }

  /// The ids of all pages, in order.
  func allPages(_ limit: Int, _ account: Account) async throws -> [String] {
    var ids: [String] = []
    var next: String?
    repeat {
      let page = try await page("?limit=\(limit)" + (next.map { "&cursor=\($0)" } ?? ""), account)
      ids += page.ids
      next = page.next
    } while next != nil
    return ids
  }
}

extension Account {
  /// The account in this dialect's response to a creation or a rotation.
  func issued(_ reply: Reply) throws -> Account {
    guard let key = reply.data("key"), let id = reply.data("id"), reply.data("rawKey") == key else {
      throw TestFailure("no key in \(reply.status): \(reply.body)")
    }
    return Account(provider: provider, key: key, keyID: id)
  }
}

extension Reply {
  /// A text in the envelope's `data`.
  func data(_ member: String) -> String? { (json["data"] as? [String: Any])?[member] as? String }
}
