import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct Base62Tests {
  @Test(
    "A number is written with the most significant character first and zero-padded",
    arguments: [
      (0, "000000"), (61, "00000z"), (62, "000010"), (3844, "000100"), (0xCBF4_3926, "3jZRME"),
      (UInt32.max, "4gfFC3"),
    ])
  func encoded(
    value: UInt32, text: String
  ) {
    #expect(String(decoding: Base62.encode(value, width: 6), as: UTF8.self) == text)
  }

  @Test("The alphabet is exactly the digits and the ASCII letters")
  func alphabet() {
    let members = (UInt8.min...UInt8.max).filter(Base62.contains)
    #expect(members == Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8))
    #expect(members == Base62.alphabet)
  }

  @Test("A random text has the requested length and no other characters", arguments: [0, 1, 24, 32, 1000])
  func length(length: Int) {
    var random = RandomSource.seeded(1)
    let text = Base62.random(length, from: &random)
    #expect(text.utf8.count == length)
    #expect(text.utf8.allSatisfy(Base62.contains))
  }

  /// With 62 characters chi-square has 61 degrees of freedom: mean 61, deviation 11.
  ///
  /// A random byte modulo 62, the usual mistake, makes eight characters a quarter likelier and the sum about 700.
  @Test("Every character is equally likely", arguments: [1, 2, 3] as [UInt64])
  func uniform(seed: UInt64) {
    var random = RandomSource.seeded(seed)
    let length = 124_000
    var counts = [UInt8: Int]()
    for byte in Base62.random(length, from: &random).utf8 { counts[byte, default: 0] += 1 }
    let expected = Double(length) / 62
    let chiSquare = Base62.alphabet.reduce(0) { sum, byte in
      let excess = Double(counts[byte, default: 0]) - expected
      return sum + excess * excess / expected
    }
    #expect(chiSquare < 150)
  }

  @Test("Every position takes every character")
  func positions() {
    var random = RandomSource.seeded(4)
    var seen = [Set<UInt8>](repeating: [], count: 32)
    for _ in 0..<2000 {
      for (place, byte) in Base62.random(32, from: &random).utf8.enumerated() { seen[place].insert(byte) }
    }
    #expect(seen.allSatisfy { $0.count == 62 })
  }
}
