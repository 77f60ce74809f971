import KeymeterDomain
import Testing

@Suite struct ProviderIDTests {
  @Test(arguments: ["a", "Z", "0", ".", "_", "-", "acme-health.eu_2", String(repeating: "a", count: 128)])
  func `1 to 128 letters, digits, points, underscores and hyphens are an id`(text: String) throws {
    let provider = try ProviderID(validating: text)
    #expect(provider.rawValue == text)
    #expect(provider.description == text)
    #expect(provider == ProviderID(stored: text))
  }

  @Test(arguments: [
    "", String(repeating: "a", count: 129), " a", "a ", "a b", "a\n", "\0", "é", "Ａ", "\u{212A}", "日本", "😀",
    "a\u{301}",
  ])
  func `anything else is refused in the name of provider_id`(text: String) {
    let failure = #expect(throws: ValidationFailure.self) { try ProviderID(validating: text) }
    #expect(
      failure
        == ValidationFailure(
          field: "provider_id", "must be 1 to 128 of the characters A-Z a-z 0-9 . _ and -"))
  }

  @Test func `of ASCII exactly 65 characters are allowed`() {
    let allowed = (0..<128).map { String(Unicode.Scalar(UInt8($0))) }
      .filter { (try? ProviderID(validating: $0)) != nil }
    #expect(allowed.joined() == "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
  }

  @Test func `ids differ by case`() throws {
    #expect(try ProviderID(validating: "Acme") != ProviderID(validating: "acme"))
  }
}
