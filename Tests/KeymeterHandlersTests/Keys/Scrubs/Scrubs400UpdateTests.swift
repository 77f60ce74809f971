import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: members of PUT only")
struct Scrubs400UpdateTests {
  @Test(
    "id is required and must be a string",
    arguments: ["", #""id":null,"#, #""id":5,"#, #""id":[],"#, #""id":true,"#])
  func idRequired(id: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.put, json: #"{\#(id)"friendly_name":"T"}"#)
    try expectProblem(answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: ["id"])
  }

  @Test("An id in the query is ignored")
  func idInQuery() async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.asRoot(
      .put, query: "?id=\(child.key.id.rawValue)", json: #"{"friendly_name":"New"}"#)
    try expectProblem(answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: ["id"])
  }

  @Test("A name can't be null, although null clears a limit")
  func nullName() async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.asRoot(
      .put, json: #"{"id":"\#(child.key.id.rawValue)","friendly_name":null,"usage_limit":null}"#)
    try expectProblem(
      answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: ["friendly_name"])
  }

  @Test(
    "Members that are fixed at creation are unknown to PUT, and nothing is changed",
    arguments: [
      "environment", "scopes", "expires_at", "linkage_id", "clinic_id", "root", "status", "key_hint",
    ])
  func settled(field: String) async throws {
    let service = try await Service()
    let child = try await service.child()
    for value in ["null", #""STAGING""#, "true", #"["*"]"#] {
      let answer = try await service.asRoot(
        .put, json: #"{"id":"\#(child.key.id.rawValue)","usage_limit":1,"\#(field)":\#(value)}"#)
      try expectProblem(answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: [field])
    }
    #expect(try await service.keysOfHome().allSatisfy { $0.limits == .unrestricted })
  }
}
