import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs metadata")
struct ScrubsMetadataTests {
  @Test("A key without limits has all members, with null for unset ones")
  func bareKey() async throws {
    let service = try await Service()
    let child = try await service.child(named: "Bare")
    let answer = try await service.send(.scrubs(.get, by: service.home.credentials(child.secret)))
    let object = try answer.object
    Metadata.expect(object)
    for name in Metadata.limits + ["expires_at"] { #expect(object[name] == .null, "\(name)") }
    #expect(object["environment"] == .string("PRODUCTION"))
    #expect(object["scopes"] == .array([.string("*")]))
    #expect(object["status"] == .string("ACTIVE"))
    #expect(object["root"] == .bool(false))
    #expect(object["created"] == .string("2024-01-15T10:30:00Z"))
    #expect(object["linkage_id"] == .string(child.key.linkageID.rawValue))
  }

  @Test("Each limit has its own member, and zero is zero")
  func limits() async throws {
    let service = try await Service()
    let child = try await service.child(
      limits: MonthlyLimits(requests: 0, tokens: 9_007_199_254_740_991, speechSeconds: 7200))
    let answer = try await service.send(.scrubs(.get, by: service.home.credentials(child.secret)))
    let object = try answer.object
    Metadata.expect(object)
    #expect(object["usage_limit"] == .number("0"))
    #expect(object["monthly_token_limit"] == .number("9007199254740991"))
    #expect(object["monthly_stt_secs_limit"] == .number("7200"))
  }

  @Test("last_used_at is null before the first use, and then the time of the last use")
  func lastUsed() async throws {
    let service = try await Service()
    let child = try await service.child()
    func lastUse() async throws -> JSONValue? {
      let listing = try await service.asRoot(.get, query: "?list_all=true").object
      guard case .object(let metadata)? = listing[child.key.id.rawValue] else { throw NotAnObject() }
      return metadata["last_used_at"]
    }
    #expect(try await lastUse() == .null)
    service.clock.advance(seconds: 3600)
    _ = try await service.send(.scrubs(.get, by: service.home.credentials(child.secret)))
    #expect(try await lastUse() == .string("2024-01-15T11:30:00Z"))
  }

  @Test("POST, PUT, GET and the list return the same members")
  func everyOperation() async throws {
    let service = try await Service()
    let created = try await service.asRoot(.post, json: #"{"friendly_name":"Till"}"#).object
    #expect(created.names == ["apiKey"] + Metadata.names)
    Metadata.expect(JSONObject(distinct: Array(created.members.dropFirst())))
    guard case .string(let id)? = created["id"] else { throw NotAnObject() }
    let updated = try await service.asRoot(.put, json: #"{"id":"\#(id)","usage_limit":1}"#).object
    Metadata.expect(updated)
    Metadata.expect(try await service.asRoot(.get).object)
    for member in try await service.asRoot(.get, query: "?list_all=true").object.members {
      guard case .object(let metadata) = member.value else { throw NotAnObject() }
      Metadata.expect(metadata)
    }
  }

  @Test(
    "A name is returned character by character",
    arguments: [
      "\"quoted\" \\ / <b>", "Приёмная 診療所 🏥👩‍⚕️", "e\u{301}", "a\u{200D}\u{FE0F}x", "'; DROP TABLE keys;--",
    ])
  func names(_ name: String) async throws {
    let service = try await Service()
    let child = try await service.child(named: name)
    let answer = try await service.send(.scrubs(.get, by: service.home.credentials(child.secret)))
    #expect(ExactString(try answer.text("friendly_name")) == ExactString(name))
  }
}
