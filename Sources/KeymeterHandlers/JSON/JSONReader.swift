/// Reads one JSON document in UTF-8, strictly by RFC 8259.
///
/// A lenient reader weakens a meter: where it takes the second of two `usage_limit`s, the client's proxy may have taken
/// the first. So this reader rejects the inputs that RFC 8259 leaves open: duplicate members, a byte order mark, lone
/// surrogates, and unlimited nesting.
struct JSONReader {
  /// The deepest nesting of arrays and objects.
  ///
  /// No request needs more than three levels.
  static let standardDepthLimit = 32

  let bytes: [UInt8]
  let depthLimit: Int
  var position = 0

  /// Reads exactly one value with only white space around it.
  ///
  /// Time and memory are linear in the document's length, stack depth in `depthLimit`.
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
  /// Reads the next value.
  ///
  /// - Parameter depth: the number of arrays and objects around it.
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
  /// The byte at the current position, or `nil` at the end.
  var next: UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Skips this byte if it is next.
  ///
  /// Returns whether it was.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  mutating func expect(_ byte: UInt8) throws(JSONSyntaxError) {
    guard skip(byte) else { throw unexpected() }
  }

  /// The error for a byte, or an end of the document, that the grammar doesn't allow here.
  func unexpected() -> JSONSyntaxError {
    failure(next.map { .unexpectedByte($0) } ?? .unexpectedEnd)
  }

  func failure(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
    JSONSyntaxError(reason: reason, offset: position)
  }
}

// MARK: Numbers

extension JSONReader {
  /// Reads a number.
  ///
  /// The current byte is a minus sign or a digit.
  mutating func readNumber() throws(JSONSyntaxError) -> JSONNumber {
    let start = position
    _ = skip(UInt8(ascii: "-"))
    try readInteger()
    if skip(UInt8(ascii: ".")) {
      try readDigits()
    }
    if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
      _ = skip(UInt8(ascii: "+")) || skip(UInt8(ascii: "-"))
      try readDigits()
    }
    return JSONNumber(verified: String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func readInteger() throws(JSONSyntaxError) {
    let startsWithZero = next == UInt8(ascii: "0")
    let start = position
    try readDigits()
    guard !startsWithZero || position == start + 1 else {
      throw JSONSyntaxError(reason: .leadingZero, offset: start)
    }
  }

  /// Skips one or more digits.
  private mutating func readDigits() throws(JSONSyntaxError) {
    let start = position
    while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
      position += 1
    }
    guard position > start else {
      throw failure(next == nil ? .unexpectedEnd : .missingDigit)
    }
  }
}
