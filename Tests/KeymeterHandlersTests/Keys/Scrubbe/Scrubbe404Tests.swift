import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe 404 and 405: paths, methods and ids")
struct Scrubbe404Tests {
  @Test(
    "An unknown id gets 404", arguments: ScrubbeOperation.withTarget,
    ["key_unknown", "key_", "x", "key_%00", "key_%C3%A9", "apikeys:", "key_1'--", "%2e%2e"])
  func unknownID(operation: ScrubbeOperation, id: String) async throws {
    let service = try await Service()
    try expectRejection(
      try await service.scrubbe(operation, on: KeyID(rawValue: id)), 404, code: "key_not_found")
  }

  @Test("Another tenant's key gets the same 404 as an unknown one", arguments: ScrubbeOperation.withTarget)
  func othersKey(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let theirs = try await service.child(of: service.neighbour)
    for id in [theirs.key.id, service.neighbour.root.key.id] {
      try expectRejection(try await service.scrubbe(operation, on: id), 404, code: "key_not_found")
    }
    let own = Call(.get, "/api/v1/verify").with(.apiKeyHeader, theirs.secret.revealed)
    #expect(try await service.send(own).status == 200)
  }

  @Test("An invalid body is reported before an unknown key", arguments: [ScrubbeOperation.rotate, .revoke])
  func bodyFirst(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    try expectRejection(
      try await service.scrubbe(operation, on: KeyID(rawValue: "key_unknown"), json: #"{"x":1}"#), 400,
      code: "body_invalid", fields: ["x"])
  }

  @Test(
    "An unknown path of this dialect gets its envelope",
    arguments: [
      "/api/v1/apikey", "/api/v1/apikey/", "/api/v1/apikey/key_1/rename", "/api/v1/apikey/key_1/rotate/now",
      "/api/v1/apikey/key_1/rotate/now/or/never",
    ])
  func unknownPath(path: String) async throws {
    let service = try await Service()
    for method in [HTTPRequest.Method.get, .post, .delete] {
      try expectRejection(try await service.send(Call(method, path)), 404, code: "path_not_found")
    }
  }

  @Test("Any other unknown path gets problem details")
  func otherPaths() async throws {
    let service = try await Service()
    for path in ["/api/v1/apikeys", "/api/v1/apikey-x", "/api/v1/api-key/x", "/x/api/v1/apikey"] {
      let answer = try await service.send(Call(.get, path))
      try expectProblem(answer, 404, code: "path_not_found")
    }
  }

  @Test(
    "A path with other methods gets 405 and lists them",
    arguments: [
      ("/api/v1/apikey/createapikey", HTTPRequest.Method.get, "POST"),
      ("/api/v1/apikey/createapikey", .delete, "POST"), ("/api/v1/apikey/apikeys", .post, "GET, HEAD"),
      ("/api/v1/apikey/apikeys", .delete, "GET, HEAD"), ("/api/v1/apikey/key_1", .get, "DELETE"),
      ("/api/v1/apikey/key_1", .put, "DELETE"), ("/api/v1/apikey/key_1/rotate", .get, "POST"),
      ("/api/v1/apikey/key_1/revoke", .delete, "POST"),
    ])
  func wrongMethod(path: String, method: HTTPRequest.Method, allow: String) async throws {
    let service = try await Service()
    let answer = try await service.send(Call(method, path))
    try expectRejection(answer, 405, code: "method_not_allowed")
    #expect(answer.headers[values: .allow] == [allow])
  }

  @Test("HEAD gets no body")
  func head() async throws {
    let service = try await Service()
    let listing = Call(.head, "/api/v1/apikey/apikeys")
      .with(.apiKeyHeader, service.home.root.secret.revealed)
    let calls = [
      (listing, 200), (Call(.head, "/api/v1/apikey/x"), 405), (Call(.head, "/api/v1/apikey"), 404),
    ]
    for (call, status) in calls {
      let answer = try await service.send(call)
      #expect(answer.status == status)
      #expect(answer.bytes.isEmpty)
    }
  }
}
