import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: members of POST and PUT")
struct Scrubs400FieldTests {
  @Test(
    "A limit must be an integer from 0 to 2^53 − 1", arguments: Metadata.limits,
    [
      #""5""#, #""""#, "true", "false", "1.5", "0.1", "1e-1", "-1", "-0.5", "9007199254740992",
      "9007199254740993",
      "1e400", "-1e400", "1e16", "9223372036854775808", "18446744073709551616", "[5]", "{}", "[]",
      #"{"value":5}"#,
      "9007199254740991.5", "1e999999999999999999999", "1e-400",
    ])
  func limits(field: String, value: String) async throws {
    try await expectRejection(of: #""\#(field)":\#(value)"#, fields: [field])
  }

  @Test(
    "An invalid friendly_name is rejected",
    arguments: [
      #""""#, #""   ""#, #""\t\n\u00a0\u3000""#, #""a\u0000b""#, #""\u0000""#, #""a\nb""#, #""a\u001bb""#,
      #""a\u202eb""#, #""a\u2066b""#, #""\u200fT""#, #""a\u200bb""#, #""\ufefft""#, #""\u200d""#,
      #""a\u007fb""#, #""a\u0085b""#, #""a\u009fb""#, "1", "true", "[]", "{}", #"["T"]"#,
      "\"\(String(repeating: "x", count: 256))\"", "\"\(String(repeating: "🏥", count: 256))\"",
      "\"e\(String(repeating: "\u{301}", count: 255))\"",
    ])
  func names(value: String) async throws {
    try await expectRejection(of: #""friendly_name":\#(value)"#, fields: ["friendly_name"])
  }

  @Test(
    "A friendly_name of 255 characters in any script is accepted and trimmed",
    arguments: ["x", "é", "診", "🏥"])
  func longestName(character: String) async throws {
    let service = try await Service()
    let name = String(repeating: character, count: 255)
    let created = try await service.asRoot(.post, json: #"{"friendly_name":"  \#(name)\n"}"#)
    #expect(created.status == 201)
    #expect(try created.text("friendly_name") == name)
    let updated = try await service.asRoot(
      .put, json: #"{"id":"\#(try created.text("id"))","friendly_name":"\#(name) "}"#)
    #expect(try updated.text("friendly_name") == name)
  }

  @Test(
    "An unknown member is rejected, because a misspelt limit must not create an unlimited key",
    arguments: [
      "usage_limits", "Usage_limit", "usageLimit", " usage_limit", "usage_limit ", "monthly_limit", "",
      "__proto__", "root",
      "apiKey", "created", "status", "organisation_id", "usage_limit\u{200B}", "u\u{455}age_limit",
      "usage_limi\u{FF54}",
    ])
  func unknown(name: String) async throws {
    try await expectRejection(of: #""\#(name)":5"#, fields: [RedactedName.of(name)])
    try await expectRejection(of: #""\#(name)":null"#, fields: [RedactedName.of(name)])
  }

  @Test("A name that is only canonically equivalent to a known one is unknown")
  func kelvinSign() async throws {
    // U+212A, the Kelvin sign, is canonically equivalent to K, and so equal by Swift's `==`.
    try await expectRejection(of: #""api\u212Aey":1"#, fields: [RedactedName.placeholder])
    try await expectRejection(of: #""lin\u212Aage_id":"x""#, fields: [RedactedName.placeholder])
  }

  @Test("Escapes in a known name are resolved")
  func escapedName() async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"\u0066riendly_name":"\u0054ill","usage\u005flimit":5}"#)
    #expect(answer.status == 201)
    #expect(try answer.text("friendly_name") == "Till")
    #expect(try answer.object["usage_limit"] == .number("5"))
  }

  @Test("All errors are reported at once by field, and all in the detail")
  func everything() async throws {
    let service = try await Service()
    let wrong =
      #""friendly_name":"","usage_limit":"5","monthly_token_limit":-1,"monthly_stt_secs_limit":true"#
    let post = try await service.asRoot(
      .post,
      json: "{\(wrong),"
        + #""environment":"X","scopes":["ok",1,"a b"],"expires_at":"soon","clinic_id":"","extra":1,"more":2}"#
    )
    let common = ["friendly_name"] + Metadata.limits
    try expectProblem(
      post, 400, code: "body_invalid", title: "Request body is invalid.",
      fields: common + [
        "clinic_id", "environment", "scopes[1]", "scopes[2]", "expires_at", "extra", "more",
      ])
    for field in try post.rejectedFields { #expect(try post.text("detail").contains(field)) }
    let put = try await service.asRoot(.put, json: "{\(wrong)" + #","id":5,"environment":"STAGING"}"#)
    try expectProblem(
      put, 400, code: "body_invalid", title: "Request body is invalid.",
      fields: ["id"] + common + ["environment"])
  }

  @Test("A name that could corrupt a response is not repeated in it")
  func hostileName() async throws {
    let name = #"a\"},{\"field\":\"x\u0000\r\nSet-Cookie: a=b\u2028"#
    let service = try await Service()
    let answer = try await service.asRoot(.post, json: #"{"friendly_name":"T","\#(name)":1}"#)
    try expectProblem(
      answer, 400, code: "body_invalid", title: "Request body is invalid.",
      fields: [RedactedName.placeholder])
    #expect(answer.headers[.setCookie] == nil)
  }

  /// Expects POST and PUT to reject a member next to valid ones and to change nothing.
  private func expectRejection(
    of member: String, fields: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await Service()
    let child = try await service.child()
    let name = fields == ["friendly_name"] ? "" : #""friendly_name":"T","#
    let bodies: [(HTTPRequest.Method, String)] = [
      (.post, "{\(name)\(member)}"), (.put, #"{"id":"\#(child.key.id.rawValue)",\#(member)}"#),
    ]
    let before = try await service.keysOfHome().map(\.friendlyName)
    for (method, body) in bodies {
      let answer = try await service.asRoot(method, json: body, sourceLocation: sourceLocation)
      try expectProblem(
        answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: fields,
        sourceLocation: sourceLocation)
    }
    #expect(try await service.keysOfHome().map(\.friendlyName) == before, sourceLocation: sourceLocation)
  }
}
