import KeymeterDomain
import Testing

@Suite struct IdempotencyKeyTests {
  @Test(
    "1 to 255 printable ASCII characters are valid",
    arguments: ["a", " ", "~", "order 7, \"quoted\" \\", String(repeating: "x", count: 255)])
  func valid(text: String) throws {
    #expect(try IdempotencyKey(validating: text).rawValue == text)
  }

  @Test(
    "Anything else is rejected with the name of the header",
    arguments: ["", String(repeating: "x", count: 256), "a\tb", "a\nb", "\u{0}", "\u{7F}", "é", "🔑"])
  func invalid(text: String) {
    #expect {
      try IdempotencyKey(validating: text)
    } throws: { error in
      (error as? ValidationFailure)?.errors.map(\.field) == ["Idempotency-Key"]
    }
  }
}
