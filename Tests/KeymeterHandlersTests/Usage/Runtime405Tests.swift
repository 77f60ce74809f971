import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Runtime 404 and 405: paths and methods")
struct Runtime405Tests {
  @Test(
    "An unsupported method gets 405 with the allowed methods and has no effect",
    arguments: RuntimeOperation.routed,
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "X"])
  func otherMethods(operation: RuntimeOperation, name: String) async throws {
    let service = try await Service()
    let method = try #require(HTTPRequest.Method(name))
    guard !operation.allowed.split(separator: ", ").contains(Substring(name)) else {
      #expect(try await service.ask(Call(method, operation.path)).status == 401)
      return
    }
    var call = operation.call(by: service.home.root)
    call.method = method
    for call in [call, Call(method, operation.path)] {
      let answer = try await service.askRejected(call)
      #expect(answer.status == 405)
      #expect(answer.headers[values: .allow] == [operation.allowed])
      if method != .head {
        try expectProblem(answer, 405, code: "method_not_allowed")
      }
    }
  }

  @Test(
    "A similar path gets 404 and has no effect",
    arguments: [
      "/api/v1/usages", "/api/v1/usage/", "/api/v1/usage/reserve/x", "/api/v1/usage/settled",
      "/api/v1/usage/x",
      "/api/v1/usage-analytics/x", "/api/v1/usage_analytics", "/api/v2/usage", "/api/v1/usage/Reserve",
    ])
  func otherPaths(path: String) async throws {
    let service = try await Service()
    let json = #"{"requests":1}"#
    let answer = try await service.askRejected(.runtime(.post, path, by: service.home.root, json: json))
    // An extra slash does not change the path.
    #expect(answer.status == (path.hasSuffix("/") ? 405 : 404))
  }

  @Test("Each call gets its status on its own path", arguments: RuntimeOperation.allCases)
  func statuses(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.root)
    for call in [call, call.asScrubs()] { #expect(try await service.ask(call).status == operation.status) }
  }
}
