import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeySecretRefusalTests {
  @Test(arguments: KeyEnvironment.allCases)
  func `a key with any one character changed is refused`(environment: KeyEnvironment) {
    var random = RandomSource.seeded(7)
    let key = Array(KeySecret(environment: environment, random: &random).revealed)
    for place in key.indices {
      for other in base62Characters + ["_", "-", " ", "\0", "é"] where other != key[place] {
        var corrupt = key
        corrupt[place] = other
        #expect(KeySecret(presented: String(corrupt)) == nil, "place \(place), \(other)")
      }
    }
  }

  @Test func `a key with a character left out, doubled, or put in is refused`() {
    var random = RandomSource.seeded(8)
    let key = Array(KeySecret(environment: .production, random: &random).revealed)
    for place in key.indices {
      var shorter = key
      shorter.remove(at: place)
      #expect(KeySecret(presented: String(shorter)) == nil)
      for character in [key[place], "0", "z"] {
        var longer = key
        longer.insert(character, at: place)
        #expect(KeySecret(presented: String(longer)) == nil)
      }
    }
  }

  @Test func `two neighbouring characters of the body can't be swapped unnoticed`() {
    var random = RandomSource.seeded(9)
    for _ in 0..<50 {
      let key = Array(KeySecret(environment: .staging, random: &random).revealed)
      for place in 8..<39 where key[place] != key[place + 1] {
        var swapped = key
        swapped.swapAt(place, place + 1)
        #expect(KeySecret(presented: String(swapped)) == nil)
      }
    }
  }

  /// The checksum of each is right for what precedes it, so it is the form alone that is refused.
  @Test(arguments: [
    "sk_live_" + String(repeating: "a", count: 31),
    "sk_live_" + String(repeating: "a", count: 33),
    "sk_live_",
    "sk_live_" + String(repeating: "a", count: 31) + "-",
    "sk_live_" + String(repeating: "a", count: 31) + "_",
    "sk_live_" + String(repeating: "a", count: 31) + " ",
    "sk_live_" + String(repeating: "a", count: 31) + "\0",
    "sk_live_" + String(repeating: "a", count: 30) + "é",
    "sk_live_" + String(repeating: "é", count: 32),
    "sk_live_" + String(repeating: "a", count: 28) + "😀",
    "sk_prod_" + String(repeating: "a", count: 32),
    "sk_test_" + String(repeating: "a", count: 32),
    "SK_LIVE_" + String(repeating: "a", count: 32),
    "sk_Live_" + String(repeating: "a", count: 32),
    "pk_live_" + String(repeating: "a", count: 32),
    "sk-live-" + String(repeating: "a", count: 32),
    "sk_dev__" + String(repeating: "a", count: 32),
    "sk__live_" + String(repeating: "a", count: 32),
    " sk_live_" + String(repeating: "a", count: 32),
    String(repeating: "a", count: 32),
    "",
  ])
  func `a right checksum doesn't save a wrong form`(payload: String) {
    #expect(KeySecret(presented: payload + referenceChecksum(of: payload)) == nil)
  }

  @Test(arguments: [
    "", " ", "sk_live", "sk_live_", "sk_", "null", "Bearer sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ",
    "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ ", " sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ",
    "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ\n", "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ\0",
    "sk_stag_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "sk_live_0123456789ABCDEFGHIJabcdefghij014txocq",
    "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ\u{301}",
    "\u{FEFF}sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "日本語", "\u{1F511}",
  ])
  func `what was never issued is refused`(text: String) {
    #expect(KeySecret(presented: text) == nil)
  }

  @Test(arguments: ["", "sk_live_", "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "é"])
  func `a megabyte is refused like any other text`(beginning: String) {
    #expect(KeySecret(presented: beginning + String(repeating: "a", count: 1 << 20)) == nil)
  }
}
