import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe 200 and 201: the effect of each call")
struct Scrubbe200Tests {
  @Test("Create issues a new key and returns its secret once, under both names")
  func create() async throws {
    let service = try await Service()
    let answer = try await service.scrubbe(
      .create,
      json: #"""
        {"name":" Pager ","environment":"STAGING","scopes":["incidents:read","incidents:read","a:*"],
         "expiresAt":"2024-01-15T12:30:00+01:00","usageLimit":5,"monthlyTokenLimit":null,
         "monthlySttSecsLimit":0,"linkageId":"ward 7"}
        """#)
    try expectSuccess(answer, 201, "API key created successfully")
    let data = try answer.data
    #expect(data.names == ScrubbeMetadata.issued)
    #expect(data.text("name") == "Pager" && data.text("environment") == "STAGING")
    #expect(data["scopes"] == .array([.string("incidents:read"), .string("a:*")]))
    #expect(data.text("expiresAt") == "2024-01-15T11:30:00Z")
    #expect(data.text("createdAt") == "2024-01-15T10:30:00Z")
    #expect(data.text("status") == "ACTIVE" && data["root"] == .bool(false))
    #expect(data["usageLimit"] == .number("5") && data["monthlyTokenLimit"] == .null)
    #expect(data["monthlySttSecsLimit"] == .number("0") && data.text("linkageId") == "ward 7")
    #expect(data["revokedAt"] == .null && data["lastUsedAt"] == .null)
    let key = try #require(data.text("key"))
    #expect(key.hasPrefix("sk_stag_") && data.text("rawKey") == key)
    let listed = try await service.scrubbe(.list)
    #expect(!listed.text.contains(key))
    #expect(try await service.send(Call(.get, "/api/v1/verify").with(.apiKeyHeader, key)).status == 200)
  }

  @Test("Optional members have defaults: no expiry, no limit, a generated linkage id")
  func createWithLeast() async throws {
    let service = try await Service()
    let data = try await service.scrubbe(.create).data
    #expect(data["expiresAt"] == .null && data["usageLimit"] == .null)
    #expect(data.text("linkageId")?.hasPrefix("lnk_") == true)
    let nulls = #"{"name":"T","environment":"PRODUCTION","scopes":["*"],"expiresAt":null,"linkageId":null}"#
    #expect(try await service.scrubbe(.create, json: nulls).status == 201)
  }

  @Test("List returns the metadata of every key including root keys, and never a secret")
  func list() async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(.list)
    try expectSuccess(
      answer, 200, "API keys retrieved successfully",
      members: ["success", "message", "data", "pagination"])
    let listed = try answer.dataList
    #expect(listed.allSatisfy { $0.names == ScrubbeMetadata.names })
    #expect(
      Set(try answer.listedIDs) == [service.home.root.key.id.rawValue, child.key.id.rawValue])
    guard case .object(let pagination)? = try answer.object["pagination"] else { throw NotAnObject() }
    #expect(pagination.names == ["limit", "nextCursor"])
    #expect(pagination["limit"] == .number("50") && pagination["nextCursor"] == .null)
  }

  @Test("Pages follow their cursors from the first key to the last", arguments: [1, 2, 3, 7, 200])
  func pages(limit: Int) async throws {
    let service = try await Service()
    for _ in 0..<6 { _ = try await service.child() }
    var ids: [String] = []
    var cursor: String?
    repeat {
      let query = "?limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? "")
      let answer = try await service.scrubbe(.list, query: query)
      ids += try answer.listedIDs
      guard case .object(let pagination)? = try answer.object["pagination"] else { throw NotAnObject() }
      #expect(pagination["limit"] == .number("\(limit)"))
      cursor = pagination.text("nextCursor")
    } while cursor != nil
    #expect(ids.count == 7 && Set(ids).count == 7)
  }

  @Test("Keys are filtered by environment and status")
  func filters() async throws {
    let service = try await Service()
    let staging = try await service.issue(environment: .staging, expiresIn: 60).key.id.rawValue
    #expect(try await service.scrubbe(.list, query: "?environment=STAGING").listedIDs == [staging])
    #expect(try await service.scrubbe(.list, query: "?environment=DEVELOPMENT").listedIDs == [])
    #expect(try await service.scrubbe(.list, query: "?status=EXPIRED").listedIDs == [])
    service.clock.advance(seconds: 60)
    #expect(try await service.scrubbe(.list, query: "?status=EXPIRED").listedIDs == [staging])
    #expect(
      try await service.scrubbe(.list, query: "?status=ACTIVE&environment=STAGING&limit=9").listedIDs == [])
  }

  @Test(
    "Rotate invalidates the old secret and issues a new one under the same id", arguments: [nil, "", "{}"])
  func rotate(body: String?) async throws {
    let service = try await Service()
    let child = try await service.child(limits: .init(requests: 3))
    _ = try await service.send(Call(.get, "/api/v1/verify").with(.apiKeyHeader, child.secret.revealed))
    var call = ScrubbeOperation.rotate.call(by: service.home.root.secret, on: child.key.id)
    if let body { call = call.sending(Array(body.utf8), as: body.isEmpty ? nil : "application/json") }
    let answer = try await service.send(call)
    try expectSuccess(answer, 200, "API key rotated successfully")
    let data = try answer.data
    #expect(data.names == ScrubbeMetadata.issued && data.text("id") == child.key.id.rawValue)
    let key = try #require(data.text("key"))
    #expect(key != child.secret.revealed && data.text("rawKey") == key)
    #expect(data.text("keyHint")?.hasSuffix(String(key.suffix(4))) == true)
    let verify = Call(.get, "/api/v1/verify")
    #expect(try await service.send(verify.with(.apiKeyHeader, child.secret.revealed)).status == 401)
    let renewed = try await service.send(verify.with(.apiKeyHeader, key))
    #expect(renewed.status == 200)
    #expect(renewed.text.contains(#""requests":{"limit":3,"used":2,"remaining":1}"#))
  }

  @Test("An overlap keeps the old secret valid until its end", arguments: [1, 604_800])
  func overlap(seconds: Int) async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(
      .rotate, on: child.key.id, json: #"{"overlapSecs":\#(seconds)}"#)
    #expect(answer.status == 200)
    let verify = Call(.get, "/api/v1/verify").with(.apiKeyHeader, child.secret.revealed)
    #expect(try await service.send(verify).status == 200)
    service.clock.advance(seconds: Int64(seconds) - 1)
    #expect(try await service.send(verify).status == 200)
    service.clock.advance(seconds: 1)
    #expect(try await service.send(verify).status == 401)
  }

  @Test("Revoke disables a key and keeps its record, and can be repeated")
  func revoke() async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(.revoke, on: child.key.id)
    try expectSuccess(answer, 200, "API key revoked successfully")
    let data = try answer.data
    #expect(data.names == ScrubbeMetadata.names)
    #expect(data.text("status") == "REVOKED" && data.text("revokedAt") == "2024-01-15T10:30:00Z")
    service.clock.advance(seconds: 9)
    let again = try await service.scrubbe(.revoke, on: child.key.id, json: "{}")
    #expect(try again.data.text("revokedAt") == "2024-01-15T10:30:00Z")
    let verify = Call(.get, "/api/v1/verify").with(.apiKeyHeader, child.secret.revealed)
    #expect(try await service.send(verify).status == 401)
    #expect(
      try await service.scrubbe(.list, query: "?status=REVOKED").listedIDs == [child.key.id.rawValue])
  }

  @Test("Delete removes key and record, and keeps the usage under the key's id")
  func delete() async throws {
    let service = try await Service()
    let child = try await service.child()
    let verify = Call(.get, "/api/v1/verify").with(.apiKeyHeader, child.secret.revealed)
    #expect(try await service.send(verify).status == 200)
    let answer = try await service.scrubbe(.delete, on: child.key.id)
    try expectSuccess(answer, 200, "API key deleted successfully")
    #expect(try answer.data.text("id") == child.key.id.rawValue)
    #expect(try await service.send(verify).status == 401)
    #expect(try await service.scrubbe(.list).listedIDs == [service.home.root.key.id.rawValue])
    #expect(try await service.scrubbe(.delete, on: child.key.id).status == 404)
    #expect(service.store.auditLog.last?.action == .keyDeleted)
    var analytics = Call(.post, "/api/v1/usage-analytics").with(
      .apiKeyHeader, service.home.root.secret.revealed)
    let query =
      #"{"start_date":"2024-01-15","end_date":"2024-01-15","api_key_id":"\#(child.key.id)"}"#
    analytics = analytics.sending(Array(query.utf8))
    #expect(try await service.send(analytics).text.contains(#""usage":1"#))
  }

  @Test("A root key can rotate itself and end another root key, but not the last one")
  func roots() async throws {
    let service = try await Service()
    let second = try await service.secondRoot()
    let rotated = try await service.scrubbe(.rotate, on: service.home.root.key.id)
    let text = try #require(rotated.data.text("key"))
    let key = try #require(KeySecret(presented: text))
    #expect(try await service.scrubbe(.list).status == 401)
    #expect(try await service.scrubbe(.revoke, by: key, on: second.key.id).status == 200)
    #expect(try await service.scrubbe(.delete, by: key, on: second.key.id).status == 200)
  }

  @Test("A key created in either dialect can be listed, used and managed in the other")
  func bothDialects() async throws {
    let service = try await Service()
    let ours = try await service.scrubbe(.create).data
    let id = try #require(ours.text("id"))
    let text = try #require(ours.text("key"))
    let secret = try #require(KeySecret(presented: text))
    #expect(try await service.asRoot(.get, query: "?list_all=true").object.names.contains(id))
    let own = try await service.send(.scrubs(.get, by: service.home.credentials(secret)))
    #expect(try own.text("friendly_name") == "New")
    let update = try await service.asRoot(.put, json: #"{"id":"\#(id)","usage_limit":7}"#)
    #expect(update.status == 200)
    let listed = try await service.scrubbe(.list).dataList.first { $0.text("id") == id }
    #expect(listed?["usageLimit"] == .number("7"))
    #expect(try await service.asRoot(.delete, query: "?id=\(id)").status == 200)

    let theirs = try await service.asRoot(.post, json: #"{"friendly_name":"Till"}"#)
    let child = KeyID(rawValue: try theirs.text("id"))
    #expect(try await service.scrubbe(.rotate, on: child).status == 200)
    #expect(try await service.scrubbe(.revoke, on: child).status == 200)
    let metadata = try await service.asRoot(.get, query: "?list_all=true").object[child.rawValue]
    guard case .object(let metadata)? = metadata else { throw NotAnObject() }
    #expect(metadata.text("status") == "REVOKED")
    #expect(try await service.scrubbe(.delete, on: child).status == 200)
  }

  @Test("A change is logged with the request id and the calling key")
  func audit() async throws {
    let service = try await Service()
    let child = try await service.child()
    for operation in ScrubbeOperation.allCases {
      let call = operation.call(by: service.home.root.secret, on: child.key.id)
      #expect(try await service.send(call.with(.requestIDHeader, "mine-\(operation)")).status < 300)
    }
    let entries = service.store.auditLog.filter { $0.requestID.rawValue.hasPrefix("mine-") }
    #expect(entries.map(\.action) == [.keyCreated, .keyRotated, .keyRevoked, .keyDeleted])
    #expect(
      entries.allSatisfy {
        $0.principal == .key(service.home.root.key.id, hint: service.home.root.secret.hint)
      })
  }
}
