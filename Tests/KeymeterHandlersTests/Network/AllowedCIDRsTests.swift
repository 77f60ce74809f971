import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

/// The list of addresses in requests and responses of both dialects.
@Suite("allowed_cidrs")
struct AllowedCIDRsTests {
  /// The list in the request, and in the response.
  ///
  /// The domain's tests hold the syntax of ranges.
  static let accepted: [(sent: String, shown: [String]?)] = [
    (#"["192.0.2.7"]"#, ["192.0.2.7/32"]),
    (#"["10.0.0.1","2001:DB8:0::7","::ffff:10.0.0.1"]"#, ["10.0.0.1/32", "2001:db8::7/128"]), ("null", nil),
  ]

  /// The list in the request, and the reported field after the member's name.
  static let rejected: [(sent: String, field: String)] = [
    ("[]", ""), (#""10.0.0.0/8""#, ""), (#"[1]"#, "[0]"), (#"["10.0.0.0/8",null]"#, "[1]"),
    (#"["10.0.0.0/8","10.0.0.1/8"]"#, "[1]"), (#"["example.org"]"#, "[0]"),
    ("[" + (0...50).map { #""10.0.0.\#($0)""# }.joined(separator: ",") + "]", ""),
  ]

  private func shown(_ value: JSONValue?) throws -> [String]? {
    guard let value else { return nil }
    guard case .array(let elements) = value else { throw TypeMismatch() }
    return try elements.map { element in
      guard case .string(let text) = element else { throw TypeMismatch() }
      return text
    }
  }

  private struct TypeMismatch: Error {}

  @Test(
    "Scrubs creates a key with a list and returns it, and omits the member without one", arguments: accepted)
  func scrubsCreates(list: (sent: String, shown: [String]?)) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"T","allowed_cidrs":\#(list.sent)}"#)
    #expect(answer.status == 201)
    let object = try answer.object
    #expect(try shown(object["allowed_cidrs"]) == list.shown)
    #expect(object.names.contains("allowed_cidrs") == (list.shown != nil))
    let id = try answer.text("id")
    let listed = try await service.asRoot(.get, query: "?list_all=true").object[id]?["allowed_cidrs"]
    #expect(try shown(listed) == list.shown)
  }

  @Test("Scrubs updates the list: an absent member keeps it and null removes it", arguments: accepted)
  func scrubsUpdates(list: (sent: String, shown: [String]?)) async throws {
    let service = try await Service()
    let id = try await service.child().key.id
    func put(_ members: String) async throws -> [String]? {
      let answer = try await service.asRoot(.put, json: #"{"id":"\#(id)"\#(members)}"#)
      #expect(answer.status == 200)
      return try shown(answer.object["allowed_cidrs"])
    }
    #expect(try await put(#","allowed_cidrs":["198.51.100.1"]"#) == ["198.51.100.1/32"])
    #expect(try await put(#","friendly_name":"Desk""#) == ["198.51.100.1/32"])
    #expect(try await put(#","allowed_cidrs":\#(list.sent)"#) == list.shown)
    #expect(try await put(#","allowed_cidrs":null"#) == nil)
  }

  @Test("Scrubbe creates a key with a list, returns it and keeps it through rotation", arguments: accepted)
  func scrubbeCreates(list: (sent: String, shown: [String]?)) async throws {
    let service = try await Service()
    let body = #"{"name":"N","environment":"PRODUCTION","scopes":["a"],"allowedCidrs":\#(list.sent)}"#
    let answer = try await service.scrubbe(.create, json: body)
    #expect(answer.status == 201)
    let data = try #require(answer.object["data"])
    #expect(try shown(data["allowedCidrs"]) == list.shown)
    guard case .string(let id)? = data["id"] else { throw TypeMismatch() }
    let rotated = try await service.scrubbe(.rotate, on: KeyID(rawValue: id))
    #expect(try shown(rotated.object["data"]?["allowedCidrs"]) == list.shown)
  }

  @Test("An invalid list is rejected, with the invalid element", arguments: rejected)
  func rejects(list: (sent: String, field: String)) async throws {
    let service = try await Service()
    let child = try await service.child().key
    let before = try await service.keysOfHome()
    let created = try await service.asRoot(
      .post, json: #"{"friendly_name":"T","allowed_cidrs":\#(list.sent)}"#)
    try expectProblem(
      created, 400, code: "body_invalid", fields: ["allowed_cidrs\(list.field)"])
    let updated = try await service.asRoot(
      .put, json: #"{"id":"\#(child.id)","allowed_cidrs":\#(list.sent)}"#)
    try expectProblem(
      updated, 400, code: "body_invalid", fields: ["allowed_cidrs\(list.field)"])
    let issued = try await service.scrubbe(
      .create, json: #"{"name":"N","environment":"PRODUCTION","scopes":["a"],"allowedCidrs":\#(list.sent)}"#)
    #expect(issued.status == 400)
    #expect(try issued.rejectedFields == ["allowedCidrs\(list.field)"])
    #expect(try await service.keysOfHome() == before)
  }
}
