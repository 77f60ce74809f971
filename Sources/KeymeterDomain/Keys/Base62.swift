/// The alphabet of keys and ids: digits, upper-case letters, lower-case letters, in ASCII order.
enum Base62 {
  static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  /// `length` random characters, uniformly distributed.
  static func random(_ length: Int, from random: inout RandomSource) -> String {
    String(unsafeUninitializedCapacity: length) { buffer in
      for index in 0..<length {
        buffer[index] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      return length
    }
  }

  /// `value` in base 62, most significant character first, zero-padded to `width`.
  static func encode(_ value: UInt32, width: Int) -> [UInt8] {
    var characters = [UInt8](repeating: alphabet[0], count: width)
    var rest = Int(value)
    for index in characters.indices.reversed() {
      characters[index] = alphabet[rest % alphabet.count]
      rest /= alphabet.count
    }
    return characters
  }

  static func contains(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }
}
