import KeymeterDomain
import Testing

@Suite struct ScopeTests {
  @Test(arguments: [
    "*", "incidents", "incidents:read", "incidents:*", "a:b:c", "a:b:c:*", "A.b_c-9:Z", "0", "-", ".:_",
    String(repeating: "a", count: 128), String(repeating: "a", count: 126) + ":*",
  ])
  func `words joined by colons are a scope, the last of which may be a star`(text: String) throws {
    let scope = try Scope(validating: text, field: "scopes")
    #expect(scope.rawValue == text)
    #expect(scope.description == text)
    #expect(scope == Scope(stored: text))
  }

  @Test(arguments: [
    "", ":", "::", "a:", ":a", "a::b", ":*", "*:", "**", "a:**", "*:read", "*:*", "a:*:b", "a:*:", "a*", "*a",
    "a:b*", "a:*b", " ", "a b", " a", "a ", "a: b", "a\n", "a\0", "a,b", "a/b", "a;b", "é", "ä:read", "a:日本",
    "ａ", "a:\u{2217}", String(repeating: "a", count: 129), String(repeating: "a", count: 127) + ":*",
  ])
  func `anything else is refused in the name of its field`(text: String) {
    let failure = #expect(throws: ValidationFailure.self) { try Scope(validating: text, field: "scopes[3]") }
    #expect(failure?.errors.map(\.field) == ["scopes[3]"])
    #expect(failure?.errors.allSatisfy { $0.message.hasPrefix("must be like incidents:read") } == true)
  }

  @Test func `the scope that covers every other is a star`() throws {
    #expect(try Scope(validating: "*", field: "scopes") == .everything)
  }

  @Test(arguments: [
    ("*", "*", true), ("*", "a", true), ("*", "a:*", true), ("a", "a", true), ("a", "*", false),
    ("a:*", "a:*", true), ("a:*", "a:b", true), ("a:*", "a:b:c", true), ("a:*", "a:b:*", true),
    ("a:*", "*", false), ("a:*", "a", false), ("a:*", "ab:c", false), ("a:*", "A:b", false),
    ("a:b", "a:*", false), ("a:b", "a:b:c", false), ("a:b:*", "a:*", false), ("a:b:*", "a:b:c", true),
  ])
  func `a wildcard covers what begins with its words, and another only whole`(
    held: String, wanted: String, covered: Bool
  ) {
    #expect(Scope(stored: held).covers(Scope(stored: wanted)) == covered)
  }
}
