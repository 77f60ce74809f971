import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe 400: bodies and queries")
struct Scrubbe400Tests {
  @Test(
    "An invalid member is rejected by name, and no key is created",
    arguments: [
      (#""name":"""#, "name"), (#""name":1"#, "name"), (#""name":null"#, "name"),
      (#""name":"a\u0000b""#, "name"), (#""environment":"production""#, "environment"),
      (#""environment":null"#, "environment"), (#""environment":1"#, "environment"),
      (#""scopes":[]"#, "scopes"), (#""scopes":"*""#, "scopes"), (#""scopes":null"#, "scopes"),
      (#""scopes":["ok",1]"#, "scopes[1]"), (#""scopes":["a b"]"#, "scopes[0]"),
      (#""scopes":["a:*:b"]"#, "scopes[0]"), (#""scopes":[""]"#, "scopes[0]"),
      (#""expiresAt":"soon""#, "expiresAt"), (#""expiresAt":"2030-01-01T00:00:00""#, "expiresAt"),
      (#""expiresAt":"2024-01-15T10:30:00Z""#, "expiresAt"),
      (#""expiresAt":"2024-01-15T10:29:59Z""#, "expiresAt"), (#""expiresAt":1"#, "expiresAt"),
      (#""usageLimit":"5""#, "usageLimit"), (#""monthlyTokenLimit":-1"#, "monthlyTokenLimit"),
      (#""monthlySttSecsLimit":1.5"#, "monthlySttSecsLimit"), (#""linkageId":"""#, "linkageId"),
      (#""usage_limit":5"#, "usage_limit"), (#""expires_at":null"#, "expires_at"),
      (#""friendly_name":"x""#, "friendly_name"), (#""root":true"#, "root"), (#""apiKey":"x""#, "apiKey"),
      (#""clinic_id":"x""#, "clinic_id"), (#""id":"key_1""#, "id"),
    ])
  func member(member: String, field: String) async throws {
    let service = try await Service()
    let rest = [
      ("name", #""name":"T""#), ("environment", #""environment":"PRODUCTION""#),
      ("scopes", #""scopes":["*"]"#),
    ].filter { !field.hasPrefix($0.0) }.map(\.1)
    let answer = try await service.scrubbe(
      .create, json: "{\((rest + [member]).joined(separator: ","))}")
    try expectRejection(answer, 400, code: "body_invalid", fields: [field])
    #expect(try answer.text("message").contains(field))
    #expect(try await service.keysOfHome().count == 1)
  }

  @Test("All errors are reported at once, including missing members")
  func everything() async throws {
    let service = try await Service()
    let missing = try await service.scrubbe(.create, json: "{}")
    try expectRejection(missing, 400, code: "body_invalid", fields: ["name", "environment", "scopes"])
    let wrong = try await service.scrubbe(
      .create, json: #"{"usageLimit":"1","expiresAt":2,"name":"","scopes":[3],"environment":"X","y":1}"#)
    try expectRejection(
      wrong, 400, code: "body_invalid",
      fields: ["name", "environment", "scopes[0]", "expiresAt", "usageLimit", "y"])
  }

  @Test("1 to 100 scopes are allowed")
  func scopeCount() async throws {
    let service = try await Service()
    for (count, status) in [(100, 201), (101, 400)] {
      let scopes = (0..<count).map { #""s\#($0)""# }.joined(separator: ",")
      let answer = try await service.scrubbe(
        .create, json: #"{"name":"T","environment":"PRODUCTION","scopes":[\#(scopes)]}"#)
      #expect(answer.status == status)
    }
  }

  @Test(
    "Only an integer from 0 to 604800 is a valid overlap, and unknown members are rejected",
    arguments: [
      (#"{"overlapSecs":-1}"#, "overlapSecs"), (#"{"overlapSecs":604801}"#, "overlapSecs"),
      (#"{"overlapSecs":"60"}"#, "overlapSecs"), (#"{"overlapSecs":1.5}"#, "overlapSecs"),
      (#"{"overlapSecs":null}"#, "overlapSecs"), (#"{"overlapSecs":true}"#, "overlapSecs"),
      (#"{"overlap_secs":60}"#, "overlap_secs"), (#"{"overlapSecs":0,"scopes":["*"]}"#, "scopes"),
    ])
  func overlap(body: String, field: String) async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(.rotate, on: child.key.id, json: body)
    try expectRejection(answer, 400, code: "body_invalid", fields: [field])
    #expect(try await service.keysOfHome().contains { $0.hint == child.secret.hint })
  }

  @Test(
    "A body that is not a JSON object is rejected",
    arguments: ScrubbeOperation.withBody, ["{", "[]", "1", #""x""#, "{}{}"])
  func form(operation: ScrubbeOperation, body: String) async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(operation, on: child.key.id, json: body)
    try expectRejection(answer, 400, code: "body_invalid", fields: [""])
  }

  @Test("Invalid UTF-8 and repeated members are rejected", arguments: ScrubbeOperation.withBody)
  func bytes(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let call = operation.call(by: service.home.root.secret, on: child.key.id)
    for bytes in [[0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], Array(#"{"a":1,"a":1}"#.utf8)] {
      #expect(try await service.send(call.sending(bytes)).status == 400)
    }
  }

  @Test("A revocation takes no members")
  func revocationBody() async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(.revoke, on: child.key.id, json: #"{"reason":"lost"}"#)
    try expectRejection(answer, 400, code: "body_invalid", fields: ["reason"])
  }

  @Test("An unknown query parameter is rejected", arguments: ScrubbeOperation.allCases)
  func unknownParameter(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.scrubbe(operation, on: child.key.id, query: "?force=1&Limit=2")
    try expectRejection(answer, 400, code: "query_invalid", fields: ["force", "Limit"])
    #expect(try await service.keysOfHome().filter { $0.status == .active }.count == 2)
  }

  @Test(
    "An invalid parameter of the listing is rejected by name",
    arguments: [
      ("limit=0", "limit"), ("limit=201", "limit"), ("limit=-1", "limit"), ("limit=1.0", "limit"),
      ("limit=", "limit"), ("limit=+5", "limit"), ("limit=ten", "limit"),
      ("limit=99999999999999999999", "limit"),
      ("limit=1&limit=1", "limit"), ("environment=production", "environment"),
      ("environment=", "environment"),
      ("status=active", "status"), ("status=DELETED", "status"), ("status=ACTIVE&status=ACTIVE", "status"),
      ("cursor=", "cursor"), ("cursor=x", "cursor"), ("cursor=cur_", "cursor"),
      ("cursor=cur_0000000000000000", "cursor"), ("cursor=cur_00060ef9a1b2c3dZabc", "cursor"),
      ("cursor=cur_ffffffffffffffffabc", "cursor"), ("cursor=cur_7fffffffffffffffabc", "cursor"),
      ("cursor=cur_00060ef9a1b2c3d4a%00b", "cursor"), ("cursor=cur_00060ef9a1b2c3d4a'b", "cursor"),
      ("cursor=CUR_00060ef9a1b2c3d4abc", "cursor"), ("cursor=key_00060ef9a1b2c3d4abc", "cursor"),
      ("cursor=cur_00060EF9A1B2C3D4abc", "cursor"), ("limit=%zz", ""),
    ])
  func listing(query: String, field: String) async throws {
    let service = try await Service()
    try expectRejection(
      try await service.scrubbe(.list, query: "?\(query)"), 400, code: "query_invalid", fields: [field])
  }

  @Test("Several invalid parameters are all reported")
  func severalParameters() async throws {
    let service = try await Service()
    let answer = try await service.scrubbe(.list, query: "?status=x&environment=y&cursor=z&limit=0")
    try expectRejection(
      answer, 400, code: "query_invalid", fields: ["limit", "cursor", "environment", "status"])
  }

  @Test("A cursor is only a position: another organisation's key in it reveals nothing")
  func cursorOfOthers() async throws {
    let service = try await Service()
    let position = KeyPosition(
      createdAt: Timestamp(microseconds: 0), id: service.neighbour.root.key.id)
    let answer = try await service.scrubbe(.list, query: "?cursor=\(KeyCursor(position).text)")
    #expect(try answer.listedIDs == [service.home.root.key.id.rawValue])
  }

  @Test(
    "A cursor survives a round trip",
    arguments: [0, 1, 1_705_314_600_000_000, 253_402_300_799_999_999] as [Int64])
  func roundTrip(time: Int64) throws {
    let position = KeyPosition(
      createdAt: Timestamp(microseconds: time), id: KeyID(rawValue: "key_abcXYZ0189"))
    #expect(KeyCursor(KeyCursor(position).text)?.position == position)
  }
}
