import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct PepperSetTests {
  private static let knownKey = "sk_live_0123456789ABCDEFGHIJabcdefghij014TxOCQ"

  /// The hashes are from Python's `hmac`.
  ///
  /// The last pepper is longer than SHA-256's block and is therefore hashed first, as in test case 6 of RFC
  /// 4231.
  @Test(
    "a hash is HMAC-SHA-256 of the whole key under the pepper",
    arguments: [
      (Array(0...31), "3e5d65534ce7247fbe31d1cfcd9f335946b58c9d8e59f3c3236d2fd898c4d416"),
      (Array(repeating: 0x0B, count: 32), "4e969934af8df7fd49d43ed8253f7dc814249b5b178dd62820527cb836f42a3c"),
      (
        Array(repeating: 0xAA, count: 131), "ab157001c68aefd458f8656876b2707f2e4fc20ab405d06880cbf17e53929d8e"
      ),
    ] as [([UInt8], String)])
  func knownHashes(pepper: [UInt8], hash: String) throws {
    let secret = try #require(KeySecret(presented: Self.knownKey))
    let peppers = try PepperSet([(id: "a", bytes: pepper)])
    #expect(peppers.currentHash(of: secret).pepperID == "a")
    #expect(hex(peppers.currentHash(of: secret).bytes) == hash)
    #expect(peppers.hashes(of: secret) == [peppers.currentHash(of: secret)])
  }

  @Test("The first pepper hashes new keys, and all peppers are tried in order")
  func order() throws {
    let secret = try #require(KeySecret(presented: Self.knownKey))
    let bytes: [String: [UInt8]] = [
      "new": Array(0...31), "mid": Array(repeating: 0x0B, count: 32),
      "old": Array(repeating: 0xAA, count: 131),
    ]
    let order = ["new", "mid", "old"]
    let peppers = try PepperSet(order.map { (id: $0, bytes: bytes[$0] ?? []) })
    let alone = try order.map { id in
      try PepperSet([(id: id, bytes: bytes[id] ?? [])]).currentHash(of: secret)
    }
    #expect(peppers.ids == order)
    #expect(peppers.currentHash(of: secret) == alone[0])
    #expect(peppers.hashes(of: secret) == alone)
    #expect(Set(alone.map(\.bytes)).count == 3)
  }

  @Test("Different keys have different hashes")
  func distinct() throws {
    var random = RandomSource.seeded(12)
    let peppers = try PepperSet.test
    let hashes = (0..<500).map { _ in
      peppers.currentHash(of: KeySecret(environment: .development, random: &random))
    }
    #expect(Set(hashes).count == hashes.count)
    #expect(hashes.allSatisfy { $0.bytes.count == 32 })
  }

  @Test(
    "a set that can't be used is refused in the name of its setting, without its bytes",
    arguments: [
      ([], "must name at least one pepper"),
      ([("", 32)], "has a pepper id that is not 1 to 32 letters and digits"),
      ([(String(repeating: "a", count: 33), 32)], "has a pepper id that is not 1 to 32 letters and digits"),
      ([("a b", 32)], "has a pepper id that is not 1 to 32 letters and digits"),
      ([("a:b", 32)], "has a pepper id that is not 1 to 32 letters and digits"),
      ([("é", 32)], "has a pepper id that is not 1 to 32 letters and digits"),
      ([("short", 31)], "has a pepper 'short' shorter than 32 bytes"),
      ([("none", 0)], "has a pepper 'none' shorter than 32 bytes"),
      ([("fine", 32), ("short", 31)], "has a pepper 'short' shorter than 32 bytes"),
      ([("a", 32), ("b", 32), ("a", 40)], "names a pepper id twice"),
    ] as [([(String, Int)], String)])
  func rejections(peppers: [(String, Int)], message: String) throws {
    let failure = try #require(
      #expect(throws: ValidationFailure.self) {
        try PepperSet(peppers.map { (id: $0.0, bytes: Array(repeating: 0xC7, count: $0.1)) })
      })
    #expect(failure == ValidationFailure(field: "KEYMETER_PEPPERS", message))
    for text in renderings(of: failure) {
      #expect(!["199", "C7", "c7", "x8f"].contains { text.contains($0) })
    }
  }

  @Test(
    "A pepper id has 1 to 32 letters and digits",
    arguments: ["a", "2026", "Z", String(repeating: "a", count: 32)])
  func ids(id: String) throws {
    #expect(try PepperSet([(id: id, bytes: Array(repeating: 1, count: PepperSet.fewestBytes))]).ids == [id])
  }

  @Test("Printing a pepper set never shows its bytes")
  func redacted() throws {
    let peppers = try PepperSet([
      (id: "x", bytes: Array(repeating: 0xC7, count: 32)), (id: "y", bytes: Array(0...31)),
    ])
    #expect("\(peppers)" == "peppers x, y")
    let holders: [Any] = [peppers, [peppers], Optional(peppers) as Any]
    for text in holders.flatMap(renderings) {
      #expect(!["199", "c7c7", "C7C7", "x8fHx", "1, 2", "0001"].contains { text.contains($0) }, "\(text)")
    }
  }
}

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}
