import HTTPTypes
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Request ids")
struct RequestIDTests {
  /// Calls whose responses are made in different places.
  private static let calls = [
    Call(.get), Call(.get, "/nope"), Call(.patch), Call(.get, "/health/live"), Call(.head),
  ]

  @Test(
    "A safe id is kept, in the header and in the body",
    arguments: ["x", "req-1", "A.b_C-9", "0", "..", String(repeating: "r", count: 128)])
  func kept(id: String) async throws {
    let service = try await Service()
    for call in Self.calls {
      let answer = try await service.send(call.with(.requestIDHeader, id))
      #expect(answer.headers[values: .requestIDHeader] == [id])
      if answer.status >= 400, call.method != .head { #expect(try answer.text("request_id") == id) }
    }
  }

  @Test(
    "Any other id is replaced by a new one",
    arguments: [
      nil, "", " ", "a b", "a,b", "a\tb", "é", "\"x\"", "<script>", "a/b", "a:b", "a%0Ab", "{}", "a;b",
      String(repeating: "r", count: 129),
    ])
  func replaced(id: String?) async throws {
    let service = try await Service()
    var seen: Set<String> = []
    for call in Self.calls {
      let answer = try await service.send(call.with(.requestIDHeader, id))
      let given = try #require(answer.headers[values: .requestIDHeader].first)
      #expect(answer.headers[values: .requestIDHeader].count == 1)
      #expect(given.wholeMatch(of: /req_[0-9A-Za-z]{20,}/) != nil)
      if answer.status >= 400, call.method != .head { #expect(try answer.text("request_id") == given) }
      seen.insert(given)
    }
    #expect(seen.count == Self.calls.count, "ids must be unique")
  }

  @Test("A repeated id is replaced")
  func repeated() async throws {
    let service = try await Service()
    let answer = try await service.send(
      Call(.get).adding(.requestIDHeader, "one").adding(.requestIDHeader, "one"))
    #expect(answer.headers[.requestIDHeader]?.hasPrefix("req_") == true)
  }

  @Test("Successful responses have an id too")
  func success() async throws {
    let service = try await Service()
    let call = Call.scrubs(.post, by: service.home.credentials, json: #"{"friendly_name":"T"}"#)
    let answer = try await service.send(call.with(.requestIDHeader, "mine"))
    #expect(answer.status == 201)
    #expect(answer.headers[values: .requestIDHeader] == ["mine"])
  }
}
