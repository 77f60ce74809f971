extension JSONReader {
  /// Reads the number that begins at the reader's position, which is at a minus sign or a digit.
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

  /// Steps over one digit or more.
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
