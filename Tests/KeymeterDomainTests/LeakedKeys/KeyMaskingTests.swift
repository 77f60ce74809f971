import KeymeterDomain
import Testing

@testable import KeymeterDomain

@Suite struct KeyMaskingTests {
  @Test("Only the prefix of each key in a text is left")
  func masked() {
    var random = RandomSource.system
    for environment in KeyEnvironment.allCases {
      let key = KeySecret(environment: environment, random: &random)
      let prefix = key.hint.prefix { $0 != "." }
      for around in [("", ""), ("https://x/?q=", "&y=1"), ("é\"", "_sk_"), ("sk_live_", "")] {
        let masked = KeySecret.masking("\(around.0)\(key.revealed)\(around.1)-\(key.revealed)")
        let before =
          around.0 == "sk_live_" ? "sk_live_...\(prefix.dropFirst(2))..." : "\(around.0)\(prefix)..."
        #expect(masked == "\(before)\(around.1)-\(prefix)...")
        #expect(!masked.contains(key.revealed.dropFirst(8).prefix(6)))
      }
    }
  }

  @Test(
    "A text without a key is unchanged",
    arguments: ["", "https://github.com/o/r/blob/1/f#L3", "sk_", "sk_test_abc", "sk_live_", "é\u{0}"])
  func unchanged(text: String) { #expect(KeySecret.masking(text) == text) }
}
