import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 404: unknown keys and paths")
struct Scrubs404Tests {
  @Test(
    "PUT of an unknown id gets 404",
    arguments: [
      "key_unknown", "", " ", "org_x", "\\u0000", "key_\\u0000", "'; --", "../x", "🔑", "null",
      String(repeating: "k", count: 5000),
    ])
  func updateUnknown(id: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.put, json: #"{"id":"\#(id)","usage_limit":1}"#)
    try expectProblem(answer, 404, code: "key_not_found", title: "API key was not found.")
  }

  @Test(
    "DELETE of an unknown id gets 404",
    arguments: ["key_unknown", "+", "%00", "key_%00", "%F0%9F%94%91", "%2e"])
  func deleteUnknown(id: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.delete, query: "?id=\(id)")
    try expectProblem(answer, 404, code: "key_not_found", title: "API key was not found.")
  }

  @Test("Another tenant's key and an unknown one get identical responses")
  func otherTenant() async throws {
    let service = try await Service()
    let child = try await service.child(of: service.neighbour)
    let before = try await service.organisations.show(service.neighbour.organisation.providerID).keys
    let ids = [KeyID(rawValue: "key_unknown"), child.key.id, service.neighbour.root.key.id]
    for operation in [ScrubsOperation.update, .delete] {
      var bodies: Set<String> = []
      for id in ids {
        let call = operation.call(by: service.home.credentials, on: id).with(.requestIDHeader, "same")
        let answer = try await service.send(call)
        try expectProblem(answer, 404, code: "key_not_found", title: "API key was not found.")
        bodies.insert(answer.text)
      }
      #expect(bodies.count == 1)
    }
    #expect(try await service.organisations.show(service.neighbour.organisation.providerID).keys == before)
  }

  @Test("An id followed by a NUL is another id")
  func truncation() async throws {
    let service = try await Service()
    let child = try await service.child()
    let id = child.key.id.rawValue
    #expect(try await service.asRoot(.delete, query: "?id=\(id)%00").status == 404)
    #expect(try await service.asRoot(.delete, query: "?id=\(id)+").status == 404)
    #expect(try await service.asRoot(.put, json: #"{"id":"\#(id)\u0000"}"#).status == 404)
    #expect(try await service.asRoot(.put, json: #"{"id":" \#(id)"}"#).status == 404)
    #expect(try await service.keysOfHome().count == 2)
  }

  @Test(
    "An unknown path gets 404 with any method and credentials",
    arguments: [
      "/", "/api", "/api/v1", "/api/v1/api-keys", "/api/v1/API-KEY", "/api/v1/api-key/x",
      "/api/v1/api-key.json",
      "/api/v2/api-key", "/health", "/health/live/x", "/nope?list_all=true", "/api/v1/%2e%2e/v1/api-key",
      "/%00",
      "/api/v1/api-key%2F",
    ], [HTTPRequest.Method.get, .post, .options, .delete])
  func unknownPath(path: String, method: HTTPRequest.Method) async throws {
    let service = try await Service()
    for call in [Call(method, path), .scrubs(method, by: service.home.credentials)] {
      var call = call
      call.uri = path
      try expectProblem(
        try await service.send(call), 404, code: "path_not_found")
    }
  }
}
