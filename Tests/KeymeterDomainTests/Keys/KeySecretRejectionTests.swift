import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeySecretRejectionTests {
  @Test("A key with one changed character is rejected", arguments: KeyEnvironment.allCases)
  func changed(environment: KeyEnvironment) {
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

  @Test("A key with a missing, doubled or extra character is rejected")
  func length() {
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

  @Test("Swapping two neighbouring characters is detected")
  func swapped() {
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

  /// Each has a valid checksum, so only the form is wrong.
  @Test(
    "A valid checksum does not excuse a wrong form",
    arguments: [
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
  func wrongForm(payload: String) {
    #expect(KeySecret(presented: payload + referenceChecksum(of: payload)) == nil)
  }

  @Test(
    "A text that was never issued is rejected",
    arguments: [
      "", " ", "sk_live", "sk_live_", "sk_", "null", "Bearer sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ",
      "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ ", " sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ",
      "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ\n", "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ\0",
      "sk_stag_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "sk_live_0123456789ABCDEFGHIJabcdefghij014txocq",
      "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ\u{301}",
      "\u{FEFF}sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "日本語", "\u{1F511}",
    ])
  func neverIssued(text: String) {
    #expect(KeySecret(presented: text) == nil)
  }

  @Test(
    "A megabyte of text is rejected like any other",
    arguments: ["", "sk_live_", "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ", "é"])
  func megabyte(beginning: String) {
    #expect(KeySecret(presented: beginning + String(repeating: "a", count: 1 << 20)) == nil)
  }
}
