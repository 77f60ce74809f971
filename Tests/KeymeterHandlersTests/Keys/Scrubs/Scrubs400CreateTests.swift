import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: what POST alone takes")
struct Scrubs400CreateTests {
  @Test("friendly_name is required, and null is no name")
  func nameRequired() async throws {
    let service = try await Service()
    for body in ["{}", #"{"usage_limit":1}"#, #"{"friendly_name":null}"#] {
      let answer = try await service.asRoot(.post, json: body)
      try expectProblem(
        answer, 400, "Request body is invalid.", code: "body_invalid", fields: ["friendly_name"])
    }
    #expect(try await service.keysOfHome().count == 1)
  }

  @Test("clinic_id and linkage_id at once, though they agree")
  func bothNames() async throws {
    for clinic in ["a", "b"] {
      try await expectRefusal(of: #""linkage_id":"a","clinic_id":"\#(clinic)""#, fields: ["clinic_id"])
    }
  }

  @Test(
    "a linkage that is no label, under the name by which it was given",
    arguments: ["linkage_id", "clinic_id"],
    [
      #""""#, #"" ""#, "5", "true", "[]", "{}", #""a\u0000""#, #""a\nb""#,
      "\"\(String(repeating: "x", count: 256))\"",
    ])
  func linkage(field: String, value: String) async throws {
    try await expectRefusal(of: #""\#(field)":\#(value)"#, fields: [field])
  }

  @Test(
    "an environment that is none of the three",
    arguments: [
      #""production""#, #""LIVE""#, #""""#, #"" PRODUCTION""#, #""PRODUCTION\u0000""#, "null", "1", "[]",
    ])
  func environment(value: String) async throws {
    try await expectRefusal(of: #""environment":\#(value)"#, fields: ["environment"])
  }

  @Test(
    "scopes that are no array of 1 to 100 strings",
    arguments: [
      "[]", "null", #""*""#, "{}", "1", "[\(Array(repeating: #""*""#, count: 101).joined(separator: ","))]",
    ])
  func scopesArray(value: String) async throws {
    try await expectRefusal(of: #""scopes":\#(value)"#, fields: ["scopes"])
  }

  @Test(
    "a scope that is none, under its place in the array",
    arguments: [
      "1", "null", "[]", #""""#, #""a b""#, #""a:""#, #"":a""#, #""a::b""#, #""*:a""#, #""a*""#,
      #""a\u0000""#,
      #""é""#, "\"\(String(repeating: "x", count: 129))\"",
    ])
  func oneScope(value: String) async throws {
    try await expectRefusal(of: #""scopes":["a:b",\#(value),"*"]"#, fields: ["scopes[1]"])
  }

  @Test(
    "an expires_at that is no time with a zone, or not ahead of the clock",
    arguments: [
      #""2024-01-15T10:30:00Z""#, #""2024-01-15T10:29:59Z""#, #""2024-01-15T11:30:00+01:00""#,
      #""1970-01-01T00:00:00Z""#, #""2030-01-01""#, #""2030-01-01T00:00:00""#, #""2030-02-30T00:00:00Z""#,
      #""2030-01-01 00:00:00Z""#, #""2030-01-01T24:00:00Z""#, #""2030-01-01T23:59:60Z""#,
      #""10000-01-01T00:00:00Z""#,
      #""""#, #""never""#, "1893456000", "true", "[]", "{}", #""2030-01-01T00:00:00Z ""#,
      #""2030-01-01T00:00:00Z\u0000""#,
    ])
  func expiry(value: String) async throws {
    try await expectRefusal(of: #""expires_at":\#(value)"#, fields: ["expires_at"])
  }

  @Test("an id can't be chosen")
  func id() async throws {
    try await expectRefusal(of: #""id":"key_mine""#, fields: ["id"])
  }

  private func expectRefusal(
    of members: String, fields: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"T",\#(members)}"#, sourceLocation: sourceLocation)
    try expectProblem(
      answer, 400, "Request body is invalid.", code: "body_invalid", fields: fields,
      sourceLocation: sourceLocation)
    #expect(try await service.keysOfHome().count == 1, sourceLocation: sourceLocation)
  }
}
