import KeymeterDomain
import Testing

@Suite struct ProviderIDTests {
  @Test(
    "1 to 128 letters, digits, dots, underscores and hyphens are valid",
    arguments: ["a", "Z", "0", ".", "_", "-", "acme-health.eu_2", String(repeating: "a", count: 128)])
  func valid(text: String) throws {
    let provider = try ProviderID(validating: text)
    #expect(provider.rawValue == text)
    #expect(provider.description == text)
    #expect(provider == ProviderID(stored: text))
  }

  @Test(
    "Anything else is rejected with the name provider_id",
    arguments: [
      "", String(repeating: "a", count: 129), " a", "a ", "a b", "a\n", "\0", "é", "Ａ", "\u{212A}", "日本", "😀",
      "a\u{301}",
    ])
  func invalid(text: String) {
    let failure = #expect(throws: ValidationFailure.self) { try ProviderID(validating: text) }
    #expect(
      failure
        == ValidationFailure(
          field: "provider_id", "must be 1 to 128 of the characters A-Z a-z 0-9 . _ and -"))
  }

  @Test("Exactly 65 ASCII characters are allowed")
  func alphabet() {
    let allowed = (0..<128).map { String(Unicode.Scalar(UInt8($0))) }
      .filter { (try? ProviderID(validating: $0)) != nil }
    #expect(allowed.joined() == "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
  }

  @Test("Ids are case-sensitive")
  func caseSensitive() throws {
    #expect(try ProviderID(validating: "Acme") != ProviderID(validating: "acme"))
  }
}
