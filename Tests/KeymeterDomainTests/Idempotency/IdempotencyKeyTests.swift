import KeymeterDomain
import Testing

@Suite struct IdempotencyKeyTests {
  @Test(arguments: ["a", " ", "~", "order 7, \"quoted\" \\", String(repeating: "x", count: 255)])
  func `1 to 255 printable ASCII characters are a key`(text: String) throws {
    #expect(try IdempotencyKey(validating: text).rawValue == text)
  }

  @Test(arguments: ["", String(repeating: "x", count: 256), "a\tb", "a\nb", "\u{0}", "\u{7F}", "é", "🔑"])
  func `all else is none, and the error names the header`(text: String) {
    #expect {
      try IdempotencyKey(validating: text)
    } throws: { error in
      (error as? ValidationFailure)?.errors.map(\.field) == ["Idempotency-Key"]
    }
  }
}
