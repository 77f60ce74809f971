import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: members of POST only")
struct Scrubs400CreateTests {
  @Test("friendly_name is required and can't be null")
  func nameRequired() async throws {
    let service = try await Service()
    for body in ["{}", #"{"usage_limit":1}"#, #"{"friendly_name":null}"#] {
      let answer = try await service.asRoot(.post, json: body)
      try expectProblem(
        answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: ["friendly_name"])
    }
    #expect(try await service.keysOfHome().count == 1)
  }

  @Test("clinic_id and linkage_id together are rejected, even if they agree")
  func bothNames() async throws {
    for clinic in ["a", "b"] {
      try await expectRejection(of: #""linkage_id":"a","clinic_id":"\#(clinic)""#, fields: ["clinic_id"])
    }
  }

  @Test(
    "An invalid linkage id is rejected under the name that was used",
    arguments: ["linkage_id", "clinic_id"],
    [
      #""""#, #"" ""#, "5", "true", "[]", "{}", #""a\u0000""#, #""a\nb""#,
      "\"\(String(repeating: "x", count: 256))\"",
    ])
  func linkage(field: String, value: String) async throws {
    try await expectRejection(of: #""\#(field)":\#(value)"#, fields: [field])
  }

  @Test(
    "An unknown environment is rejected",
    arguments: [
      #""production""#, #""LIVE""#, #""""#, #"" PRODUCTION""#, #""PRODUCTION\u0000""#, "null", "1", "[]",
    ])
  func environment(value: String) async throws {
    try await expectRejection(of: #""environment":\#(value)"#, fields: ["environment"])
  }

  @Test(
    "Scopes must be an array of 1 to 100 strings",
    arguments: [
      "[]", "null", #""*""#, "{}", "1", "[\(Array(repeating: #""*""#, count: 101).joined(separator: ","))]",
    ])
  func scopesArray(value: String) async throws {
    try await expectRejection(of: #""scopes":\#(value)"#, fields: ["scopes"])
  }

  @Test(
    "An invalid scope is rejected with its index",
    arguments: [
      "1", "null", "[]", #""""#, #""a b""#, #""a:""#, #"":a""#, #""a::b""#, #""*:a""#, #""a*""#,
      #""a\u0000""#,
      #""é""#, "\"\(String(repeating: "x", count: 129))\"",
    ])
  func oneScope(value: String) async throws {
    try await expectRejection(of: #""scopes":["a:b",\#(value),"*"]"#, fields: ["scopes[1]"])
  }

  @Test(
    "An expires_at without a time zone or in the past is rejected",
    arguments: [
      #""2024-01-15T10:30:00Z""#, #""2024-01-15T10:29:59Z""#, #""2024-01-15T11:30:00+01:00""#,
      #""1970-01-01T00:00:00Z""#, #""2030-01-01""#, #""2030-01-01T00:00:00""#, #""2030-02-30T00:00:00Z""#,
      #""2030-01-01 00:00:00Z""#, #""2030-01-01T24:00:00Z""#, #""2030-01-01T23:59:60Z""#,
      #""10000-01-01T00:00:00Z""#,
      #""""#, #""never""#, "1893456000", "true", "[]", "{}", #""2030-01-01T00:00:00Z ""#,
      #""2030-01-01T00:00:00Z\u0000""#,
    ])
  func expiry(value: String) async throws {
    try await expectRejection(of: #""expires_at":\#(value)"#, fields: ["expires_at"])
  }

  @Test("The client can't choose the id")
  func id() async throws {
    try await expectRejection(of: #""id":"key_mine""#, fields: ["id"])
  }

  private func expectRejection(
    of members: String, fields: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"T",\#(members)}"#, sourceLocation: sourceLocation)
    try expectProblem(
      answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: fields,
      sourceLocation: sourceLocation)
    #expect(try await service.keysOfHome().count == 1, sourceLocation: sourceLocation)
  }
}
