import KeymeterDomain
import Testing

@Suite struct ScopeTests {
  @Test(
    "A scope is words joined by colons, and the last may be a star",
    arguments: [
      "*", "incidents", "incidents:read", "incidents:*", "a:b:c", "a:b:c:*", "A.b_c-9:Z", "0", "-", ".:_",
      String(repeating: "a", count: 128), String(repeating: "a", count: 126) + ":*",
    ])
  func valid(text: String) throws {
    let scope = try Scope(validating: text, field: "scopes")
    #expect(scope.rawValue == text)
    #expect(scope.description == text)
    #expect(scope == Scope(stored: text))
  }

  @Test(
    "Anything else is rejected with the name of its field",
    arguments: [
      "", ":", "::", "a:", ":a", "a::b", ":*", "*:", "**", "a:**", "*:read", "*:*", "a:*:b", "a:*:", "a*",
      "*a",
      "a:b*", "a:*b", " ", "a b", " a", "a ", "a: b", "a\n", "a\0", "a,b", "a/b", "a;b", "é", "ä:read",
      "a:日本",
      "ａ", "a:\u{2217}", String(repeating: "a", count: 129), String(repeating: "a", count: 127) + ":*",
    ])
  func invalid(text: String) {
    let failure = #expect(throws: ValidationFailure.self) { try Scope(validating: text, field: "scopes[3]") }
    #expect(failure?.errors.map(\.field) == ["scopes[3]"])
    #expect(failure?.errors.allSatisfy { $0.message.hasPrefix("must be like incidents:read") } == true)
  }

  @Test("The scope that covers every other is a star")
  func everything() throws {
    #expect(try Scope(validating: "*", field: "scopes") == .everything)
  }

  @Test(
    "A wildcard covers the scopes that begin with its words, and other scopes cover only themselves",
    arguments: [
      ("*", "*", true), ("*", "a", true), ("*", "a:*", true), ("a", "a", true), ("a", "*", false),
      ("a:*", "a:*", true), ("a:*", "a:b", true), ("a:*", "a:b:c", true), ("a:*", "a:b:*", true),
      ("a:*", "*", false), ("a:*", "a", false), ("a:*", "ab:c", false), ("a:*", "A:b", false),
      ("a:b", "a:*", false), ("a:b", "a:b:c", false), ("a:b:*", "a:*", false), ("a:b:*", "a:b:c", true),
    ])
  func covers(
    held: String, wanted: String, covered: Bool
  ) {
    #expect(Scope(stored: held).covers(Scope(stored: wanted)) == covered)
  }
}
