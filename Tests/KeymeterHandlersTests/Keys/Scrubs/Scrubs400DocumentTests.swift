import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: bodies that are not a JSON object")
struct Scrubs400DocumentTests {
  @Test(
    "A body that is not an object is rejected", arguments: ScrubsOperation.withBody,
    ["[]", "null", "true", "1", #""friendly_name""#, #"[{"friendly_name":"T"}]"#])
  func notAnObject(operation: ScrubsOperation, body: String) async throws {
    try await expectRejection(of: Array(body.utf8), operation, message: "must be a JSON object")
  }

  @Test(
    "A body that is not JSON is rejected", arguments: ScrubsOperation.withBody,
    [
      "", " ", "{", "}", #"{"friendly_name":"T""#, #"{"friendly_name":"T",}"#, #"{'friendly_name':'T'}"#,
      #"{friendly_name:"T"}"#, #"{"friendly_name":"T"}{}"#, #"{"friendly_name":"T"} x"#, "friendly_name=T",
      #"{"friendly_name":"T" /* */}"#, #"{"friendly_name":NaN}"#, #"{"usage_limit":01}"#,
      #"{"usage_limit":+1}"#,
      #"{"usage_limit":.5}"#, #"{"usage_limit":1.}"#, #"{"usage_limit":0x10}"#, #"{"usage_limit":Infinity}"#,
      "{\"friendly_name\":\"a\nb\"}", "{\"friendly_name\":\"a\u{0}b\"}", #"{"friendly_name":"\x"}"#,
      #"{"friendly_name":"\ud800"}"#, #"{"friendly_name":"\udc00\ud800"}"#, #"{"friendly_name":"\ud83dx"}"#,
      "\u{FEFF}{\"friendly_name\":\"T\"}", "{\"friendly_name\":\"T\"}\u{0}",
    ])
  func notJSON(operation: ScrubsOperation, body: String) async throws {
    try await expectRejection(of: Array(body.utf8), operation, message: "is not valid JSON: ")
  }

  @Test(
    "Invalid UTF-8 is rejected", arguments: ScrubsOperation.withBody,
    [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE9]] as [[UInt8]])
  func notUTF8(operation: ScrubsOperation, bytes: [UInt8]) async throws {
    let body = Array(#"{"friendly_name":"a"#.utf8) + bytes + Array(#""}"#.utf8)
    try await expectRejection(of: body, operation, message: "is not valid JSON: invalid UTF-8")
  }

  @Test("UTF-16 is rejected, with and without a byte order mark", arguments: ScrubsOperation.withBody)
  func utf16(operation: ScrubsOperation) async throws {
    let units = Array(#"{"friendly_name":"T"}"#.utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    try await expectRejection(of: units, operation, message: "is not valid JSON: ")
    try await expectRejection(of: [0xFF, 0xFE] + units, operation, message: "is not valid JSON: ")
  }

  @Test(
    "A repeated member is rejected, however it is spelt and with any values",
    arguments: ScrubsOperation.withBody,
    [
      #"{"friendly_name":"T","usage_limit":1,"usage_limit":1}"#,
      #"{"friendly_name":"T","usage_limit":0,"usage_limit":null}"#,
      #"{"friendly_name":"T","usage_limit":0,"usage\u005flimit":9}"#,
      #"{"id":"a","id":"a"}"#, #"{"x":{"y":1,"y":1}}"#,
    ])
  func duplicateMember(operation: ScrubsOperation, body: String) async throws {
    try await expectRejection(
      of: Array(body.utf8), operation, message: "is not valid JSON: duplicate member \"")
  }

  @Test(
    "Endless nesting is rejected without harm", arguments: ScrubsOperation.withBody, ["[", #"{"a":"#])
  func nesting(operation: ScrubsOperation, opening: String) async throws {
    for count in [33, 10_000] {
      let body = #"{"friendly_name":"# + String(repeating: opening, count: count)
      try await expectRejection(
        of: Array(body.utf8), operation, message: "is not valid JSON: nesting deeper than 32 levels")
    }
  }

  /// Expects a single error about the whole body.
  private func expectRejection(
    of body: [UInt8], _ operation: ScrubsOperation, message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await Service()
    let answer = try await service.send(
      .scrubs(operation.method, by: service.home.credentials).sending(body))
    try expectProblem(
      answer, 400, "Request body is invalid.", code: "body_invalid", fields: [""],
      sourceLocation: sourceLocation)
    #expect(try answer.text("detail").hasPrefix("The body \(message)"), sourceLocation: sourceLocation)
    #expect(try await service.keysOfHome().count == 1, sourceLocation: sourceLocation)
  }
}
