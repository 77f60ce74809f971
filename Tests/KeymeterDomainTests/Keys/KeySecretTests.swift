import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct KeySecretTests {
  @Test(
    "A key is its environment's prefix, 32 characters and their checksum",
    arguments: [
      (KeyEnvironment.production, "sk_live_"), (.staging, "sk_stag_"), (.development, "sk_dev_"),
    ])
  func form(
    environment: KeyEnvironment, prefix: String
  ) throws {
    var random = RandomSource.seeded(5)
    for _ in 0..<200 {
      let secret = KeySecret(environment: environment, random: &random)
      let text = secret.revealed
      #expect(secret.environment == environment)
      #expect(text.hasPrefix(prefix))
      #expect(text.count == prefix.count + 32 + 6)
      #expect(text.dropFirst(prefix.count).allSatisfy(base62Characters.contains))
      #expect(text.suffix(6) == referenceChecksum(of: String(text.dropLast(6))))
      let read = try #require(KeySecret(presented: text))
      #expect(read.revealed == text)
      #expect(read.environment == environment)
    }
  }

  @Test(
    "a key whose checksum zlib computed is accepted",
    arguments: [
      ("sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ", KeyEnvironment.production),
      ("sk_stag_0123456789ABCDEFGHIJabcdefghij011IgfO6", .staging),
      ("sk_dev_0123456789ABCDEFGHIJabcdefghij013lO7Gk", .development),
      ("sk_live_00000000000000000000000000000342001BG5", .production),
    ])
  func knownKeys(text: String, environment: KeyEnvironment) throws {
    let secret = try #require(KeySecret(presented: text))
    #expect(secret.environment == environment)
    #expect(secret.revealed == text)
    #expect(referenceChecksum(of: String(text.dropLast(6))) == text.suffix(6))
  }

  @Test("Keys do not repeat")
  func unique() {
    var random = RandomSource.seeded(6)
    let keys = (0..<5000).map { _ in KeySecret(environment: .production, random: &random).revealed }
    #expect(Set(keys).count == keys.count)
  }

  @Test(
    "The hint is the prefix and the last four characters",
    arguments: [
      ("sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "sk_live_...xOCQ"),
      ("sk_stag_0123456789ABCDEFGHIJabcdefghij011IgfO6", "sk_stag_...gfO6"),
      ("sk_dev_0123456789ABCDEFGHIJabcdefghij013lO7Gk", "sk_dev_...O7Gk"),
    ])
  func hint(text: String, hint: String) throws {
    #expect(try #require(KeySecret(presented: text)).hint == hint)
  }
}
