import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: bodies that are not a JSON object")
struct Scrubs400DocumentTests {
  /// One document of each kind.
  ///
  /// The JSON reader's tests hold the grammar.
  private static let documents: [[UInt8]] =
    [
      "[]", "null", #"[{"friendly_name":"T"}]"#, "", " ", "{", #"{"friendly_name":"T"}{}"#,
      "friendly_name=T", #"{"friendly_name":"T","usage_limit":1,"usage_limit":1}"#,
      #"{"friendly_name":"T","usage_limit":0,"usage\u005flimit":9}"#, #"{"x":{"y":1,"y":1}}"#,
      #"{"friendly_name":"# + String(repeating: "[", count: 33),
      #"{"friendly_name":"# + String(repeating: #"{"a":"#, count: 10_000),
    ].map { Array($0.utf8) } + [
      Array(#"{"friendly_name":"a"#.utf8) + [0xFF] + Array(#""}"#.utf8),
      Array(#"{"friendly_name":"T"}"#.utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
    ]

  @Test(
    "A body that is not one strict JSON object is rejected as a whole", arguments: ScrubsOperation.withBody,
    documents)
  func rejected(operation: ScrubsOperation, body: [UInt8]) async throws {
    let service = try await Service()
    let answer = try await service.send(
      .scrubs(operation.method, by: service.home.credentials).sending(body))
    try expectProblem(answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: [""])
    #expect(try await service.keysOfHome().count == 1)
  }
}
