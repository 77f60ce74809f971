import KeymeterDomain
import Testing

@testable import KeymeterHandlers

@Suite("Body members")
struct BodyMembersTests {
  @Test("For a limit, absent, null and a number have three different meanings")
  func limit() throws {
    var members = try self.members(#"{"null":null,"zero":0,"five":5,"largest":9007199254740991}"#)
    #expect(members.limit("absent") == .unchanged)
    #expect(members.limit("null") == .cleared)
    #expect(members.limit("zero") == .set(0))
    #expect(members.limit("five") == .set(5))
    #expect(members.limit("largest") == .set(9_007_199_254_740_991))
    #expect(members.violations.isEmpty)
  }

  @Test(
    "An invalid limit is reported and changes nothing",
    arguments: ["-1", "9007199254740992", "1.5", #""5""#])
  func wrongLimit(value: String) throws {
    var members = try self.members(#"{"usage_limit":\#(value)}"#)
    #expect(members.limit("usage_limit") == .unchanged)
    #expect(members.violations.map(\.field) == ["usage_limit"])
  }

  @Test("A string may be absent, and null counts as absent only where allowed")
  func text() throws {
    var members = try self.members(#"{"text":"x","empty":"","null":null,"number":5}"#)
    #expect(members.text("absent") == nil)
    #expect(members.text("text") == "x")
    #expect(members.text("empty") == "")
    #expect(members.nullableText("null") == nil)
    #expect(members.nullableText("absent") == nil)
    #expect(members.nullableText("text") == "x")
    #expect(members.violations.isEmpty)
    #expect(members.text("null") == nil)
    #expect(members.text("number") == nil)
    #expect(members.nullableText("number") == nil)
    #expect(members.violations.map(\.field) == ["null", "number", "number"])
  }

  @Test("A missing required string is reported once")
  func requiredText() throws {
    var members = try self.members("{}")
    #expect(members.requiredText("id") == nil)
    #expect(members.requiredLabel("friendly_name") == nil)
    #expect(members.violations.map(\.field) == ["id", "friendly_name"])
  }

  @Test("Members that were not read are unknown, in the document's order")
  func unknown() throws {
    var members = try self.members(#"{"z":1,"known":"x","a":null,"K":2}"#)
    _ = members.text("known")
    _ = members.take("known")
    _ = members.take("\u{212A}")
    members.rejectUnknown()
    #expect(members.violations.map(\.field) == ["z", "a", "K"])
  }

  @Test("All violations of a domain rule are reported")
  func checked() throws {
    var members = try self.members("{}")
    let failure = ValidationFailure([
      FieldError(field: "a", message: "is bad"), FieldError(field: "b", message: "is worse"),
    ])
    let nothing: Int? = members.checked { () throws(ValidationFailure) in throw failure }
    #expect(nothing == nil)
    #expect(members.checked { () throws(ValidationFailure) in 5 } == 5)
    #expect(
      members.violations == [
        FieldViolation(field: "a", message: "is bad"), FieldViolation(field: "b", message: "is worse"),
      ])
  }

  private func members(_ text: String) throws -> BodyMembers {
    guard case .object(let object) = try JSONReader.read(text: text) else { throw NotAnObject() }
    return BodyMembers(object)
  }
}
