/// Reads one JSON document, strictly after RFC 8259, over UTF-8.
///
/// A lenient reader is a hole in a meter: where it takes the second of two `usage_limit`s, the client's
/// proxy may have looked at the first. So what RFC 8259 leaves to the reader is refused here: duplicate
/// members, a byte order mark, half a surrogate pair, and nesting without end.
struct JSONReader {
  /// How many arrays and objects may lie within one another; no request of Keymeter's needs four.
  static let standardDepthLimit = 32

  let bytes: [UInt8]
  let depthLimit: Int
  var position = 0

  /// Reads a document: exactly one value, with nothing but white space around it.
  ///
  /// It takes time and memory in proportion to the document's length, and stack in proportion to
  /// `depthLimit`, which therefore must come from the program, not from the client.
  static func read(
    _ bytes: [UInt8], depthLimit: Int = standardDepthLimit
  ) throws(JSONSyntaxError) -> JSONValue {
    guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
      throw JSONSyntaxError(reason: .byteOrderMark, offset: 0)
    }
    var reader = JSONReader(bytes: bytes, depthLimit: depthLimit)
    let value = try reader.readValue(depth: 0)
    reader.skipWhiteSpace()
    guard reader.position == bytes.count else { throw reader.failure(.contentAfterValue) }
    return value
  }
}

extension JSONReader {
  /// Reads the value that begins at the next byte that isn't white space.
  ///
  /// `depth` counts the arrays and objects around it.
  mutating func readValue(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    skipWhiteSpace()
    guard let byte = next else { throw unexpected() }
    switch byte {
    case UInt8(ascii: "{"): return .object(try readObject(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try readArray(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try readNumber())
    case UInt8(ascii: "t"): return try readLiteral("true", as: .bool(true))
    case UInt8(ascii: "f"): return try readLiteral("false", as: .bool(false))
    case UInt8(ascii: "n"): return try readLiteral("null", as: .null)
    default: throw unexpected()
    }
  }

  private mutating func readLiteral(
    _ literal: String, as value: JSONValue
  ) throws(JSONSyntaxError) -> JSONValue {
    for byte in literal.utf8 {
      try expect(byte)
    }
    return value
  }
}

// MARK: Stepping through the bytes

extension JSONReader {
  /// The byte at the reader's position; nil at the end.
  var next: UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Steps over this byte if it comes next, and tells whether it did.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  mutating func expect(_ byte: UInt8) throws(JSONSyntaxError) {
    guard skip(byte) else { throw unexpected() }
  }

  /// The error for a byte, or the document's end, that the grammar doesn't allow here.
  func unexpected() -> JSONSyntaxError {
    failure(next.map { .unexpectedByte($0) } ?? .unexpectedEnd)
  }

  func failure(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
    JSONSyntaxError(reason: reason, offset: position)
  }
}
