extension JSONReader {
  /// Reads a string.
  ///
  /// The current byte is its opening quote.
  mutating func readString() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    let hasEscapes = try skipToClosingQuote()
    let content = start..<position
    let text =
      hasEscapes
      ? String(validating: try unescape(content), as: UTF8.self)
      : String(validating: bytes[content], as: UTF8.self)
    guard let text else {
      throw JSONSyntaxError(reason: .invalidUTF8, offset: start + validPrefixLength(of: content))
    }
    position = content.upperBound + 1
    return text
  }

  /// Advances to the closing quote.
  ///
  /// Returns whether the string has escapes.
  ///
  /// Afterwards each backslash is known to precede a byte of the string.
  private mutating func skipToClosingQuote() throws(JSONSyntaxError) -> Bool {
    var hasEscapes = false
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else { throw failure(.controlCharacter) }
      position += 1
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        // An escaped quote doesn't end the string. A control character fails the check above.
        if let escaped = next, escaped >= 0x20 { position += 1 }
      }
    }
    guard next != nil else { throw failure(.unexpectedEnd) }
    return hasEscapes
  }

  /// The number of valid UTF-8 bytes at the start.
  ///
  /// Escapes are ASCII, so they need not be resolved first.
  private func validPrefixLength(of content: Range<Int>) -> Int {
    var iterator = bytes[content].makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var length = 0
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) {
      length += scalar.count
    }
    return length
  }
}

// MARK: Escapes

extension JSONReader {
  /// Copies the string's bytes with each escape replaced by its character.
  private mutating func unescape(_ content: Range<Int>) throws(JSONSyntaxError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(content.count)
    position = content.lowerBound
    while position < content.upperBound {
      if bytes[position] == UInt8(ascii: "\\") {
        result.append(contentsOf: try readEscape().utf8)
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return result
  }

  /// Reads one escape, or both escapes of a surrogate pair.
  private mutating func readEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let letter = bytes[position + 1]
    guard letter != UInt8(ascii: "u") else { return try readUnicodeEscape() }
    let scalar: Unicode.Scalar
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(letter)
    case UInt8(ascii: "b"): scalar = "\u{8}"
    case UInt8(ascii: "f"): scalar = "\u{C}"
    case UInt8(ascii: "n"): scalar = "\n"
    case UInt8(ascii: "r"): scalar = "\r"
    case UInt8(ascii: "t"): scalar = "\t"
    default: throw failure(.invalidEscape)
    }
    position += 2
    return scalar
  }

  private mutating func readUnicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
    guard let first = codeUnit(at: position) else { throw failure(.invalidEscape) }
    if let scalar = Unicode.Scalar(first) {
      position += 6
      return scalar
    }
    guard UTF16.isLeadSurrogate(first), let second = codeUnit(at: position + 6),
      UTF16.isTrailSurrogate(second)
    else { throw failure(.loneSurrogate) }
    position += 12
    return UTF16.decode(UTF16.EncodedScalar([first, second]))
  }

  /// The code unit of the `\uXXXX` escape at this offset, or `nil` for anything else.
  private func codeUnit(at offset: Int) -> UInt16? {
    guard offset + 6 <= bytes.count, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt16 = 0
    for byte in bytes[offset + 2..<offset + 6] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }
}
