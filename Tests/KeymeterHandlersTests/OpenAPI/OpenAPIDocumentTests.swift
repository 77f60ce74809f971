import HTTPTypes
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("GET /openapi.json")
struct OpenAPIDocumentTests {
  @Test("The document is served as JSON without authentication, even if the database is down")
  func served() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    let answer = try await service.answer(to: Call(.get, "/openapi.json"))
    #expect(answer.status == 200)
    #expect(answer.headers[values: .contentType] == ["application/json"])
    #expect(answer.text == EmbeddedOpenAPI.text)
    #expect(try answer.text("openapi").hasPrefix("3.1."))
  }

  @Test("HEAD returns the same headers without the document")
  func head() async throws {
    let service = try await Service()
    let answer = try await service.answer(to: Call(.head, "/openapi.json"))
    #expect(answer.status == 200 && answer.bytes.isEmpty)
    #expect(answer.headers[.contentType] == "application/json")
  }

  @Test(
    "Other methods get 405 with the allowed methods", arguments: ["POST", "PUT", "DELETE", "PATCH"])
  func otherMethods(name: String) async throws {
    let service = try await Service()
    let method = try #require(HTTPRequest.Method(name))
    let answer = try await service.send(Call(method, "/openapi.json"))
    try expectProblem(answer, 405, code: "method_not_allowed")
    #expect(answer.headers[values: .allow] == ["GET, HEAD"])
  }

  @Test("No key in the document is usable: its checksum is wrong")
  func noKey() {
    for text in EmbeddedOpenAPI.text.matches(of: /sk_(?:live|stag|dev)_[0-9A-Za-z]+/).map(\.output) {
      #expect(KeySecret(presented: String(text)) == nil, "\(text)")
    }
  }
}

extension Service {
  /// Sends a call whose response may contain what looks like a key.
  fileprivate func answer(to call: Call) async throws -> Answer {
    try await application().test(.router) { client in try await client.answer(to: call) }
  }
}
