/// A type that writes itself as exactly one JSON value.
protocol JSONWritable {
  func write(to writer: inout JSONWriter)
}

extension Bool: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(literal: self ? "true" : "false")
  }
}

extension Int64: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(contentsOf: String(self).utf8)
  }
}

extension Int: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(contentsOf: String(self).utf8)
  }
}

extension String: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(quoting: self)
  }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
  func write(to writer: inout JSONWriter) {
    if let self {
      self.write(to: &writer)
    } else {
      writer.append(literal: "null")
    }
  }
}

extension Array: JSONWritable where Element: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.array { array in
      for element in self { array.element(element) }
    }
  }
}

extension JSONWriter {
  /// Appends a quoted string with only the escapes that RFC 8259 §7 requires.
  ///
  /// Runs of bytes without escapes are copied at once.
  mutating func append(quoting text: String) {
    append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var rest = bytes[...]
      while let index = rest.firstIndex(where: Self.needsEscape) {
        append(contentsOf: rest[..<index])
        append(escaping: rest[index])
        rest = rest[(index + 1)...]
      }
      append(contentsOf: rest)
    }
    append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private mutating func append(escaping byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(contentsOf: [UInt8(ascii: "\\"), byte])
    case 0x08: append(contentsOf: #"\b"#.utf8)
    case 0x09: append(contentsOf: #"\t"#.utf8)
    case 0x0A: append(contentsOf: #"\n"#.utf8)
    case 0x0C: append(contentsOf: #"\f"#.utf8)
    case 0x0D: append(contentsOf: #"\r"#.utf8)
    default:
      append(contentsOf: (byte < 0x10 ? #"\u000"# : #"\u00"#).utf8)
      append(contentsOf: String(byte, radix: 16).utf8)
    }
  }
}
