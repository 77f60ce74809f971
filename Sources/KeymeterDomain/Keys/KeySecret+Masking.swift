extension KeySecret {
  /// Whether what keys begin with stands anywhere in a text.
  public static func mayStand(in text: String) -> Bool {
    KeyEnvironment.allCases.contains { text.contains(prefix(of: $0)) }
  }

  /// A text in which nothing is left of what could be a key but its prefix: `sk_live_...`.
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

  /// Which bytes follow a prefix as a key's would; a prefix is looked for everywhere, also where one was just found.
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
