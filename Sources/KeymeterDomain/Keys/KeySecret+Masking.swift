extension KeySecret {
  /// Whether a text contains a key's prefix anywhere.
  public static func mayOccur(in text: String) -> Bool {
    KeyEnvironment.allCases.contains { text.contains(prefix(of: $0)) }
  }

  /// The text with everything that could be a key cut down to its prefix: `sk_live_...`.
  static func masking(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let hidden = hiddenBytes(of: bytes)
    var masked: [UInt8] = []
    for position in bytes.indices {
      if !hidden[position] {
        masked.append(bytes[position])
      } else if position == 0 || !hidden[position - 1] {
        masked += Array("...".utf8)
      }
    }
    return String(decoding: masked, as: UTF8.self)
  }

  /// Marks the bytes that follow a prefix as a key's would.
  ///
  /// Also finds prefixes within an earlier match.
  private static func hiddenBytes(of bytes: [UInt8]) -> [Bool] {
    let prefixes = KeyEnvironment.allCases.map { Array(prefix(of: $0).utf8) }
    var hidden = Array(repeating: false, count: bytes.count)
    for position in bytes.indices {
      guard let prefix = prefixes.first(where: { bytes[position...].starts(with: $0) }) else { continue }
      var following = position + prefix.count
      while following < bytes.count, Base62.contains(bytes[following]) {
        hidden[following] = true
        following += 1
      }
    }
    return hidden
  }
}
