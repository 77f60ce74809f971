import HTTPTypes
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 405: known path, wrong method")
struct Scrubs405Tests {
  private static let unusual = [
    "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "LIST", "get", "X",
  ]

  @Test("Any other method gets 405 with the allowed methods", arguments: unusual)
  func otherMethods(name: String) async throws {
    let service = try await Service()
    let method = try #require(HTTPRequest.Method(name))
    for call in [Call(method), .scrubs(method, by: service.home.credentials, json: "{}")] {
      let answer = try await service.send(call)
      try expectProblem(answer, 405, code: "method_not_allowed")
      #expect(answer.headers[values: .allow] == ["GET, POST, PUT, DELETE, HEAD"])
    }
  }

  @Test("Every method listed in Allow is served", arguments: ["GET", "POST", "PUT", "DELETE", "HEAD"])
  func allowed(name: String) async throws {
    let service = try await Service()
    let answer = try await service.send(Call(try #require(HTTPRequest.Method(name))))
    #expect(answer.status == 401)
  }

  @Test(
    "Extra slashes do not change the path, for allowed and other methods",
    arguments: ["/api/v1/api-key/", "/api//v1/api-key", "/api/v1/api-key//?list_all=true"])
  func spareSlashes(path: String) async throws {
    let service = try await Service()
    var call = Call.scrubs(.get, by: service.home.credentials)
    call.uri = path
    #expect(try await service.send(call).status == 200)
    call.method = .patch
    #expect(try await service.send(call).status == 405)
  }

  @Test("The health paths answer GET and HEAD", arguments: ["/health/live", "/health/ready"])
  func health(path: String) async throws {
    let service = try await Service()
    for method in [HTTPRequest.Method.post, .put, .delete, .patch, .options] {
      let answer = try await service.send(Call(method, path))
      try expectProblem(answer, 405, code: "method_not_allowed")
      #expect(answer.headers[values: .allow] == ["GET, HEAD"])
    }
  }
}
