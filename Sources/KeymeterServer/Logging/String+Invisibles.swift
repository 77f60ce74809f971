extension String {
  /// Escapes each character that a terminal or viewer would interpret rather than show: newlines, control
  /// characters, direction marks and zero-width characters.
  ///
  /// So no value can forge another line, or change how earlier output looks.
  package var showingInvisibles: String {
    guard unicodeScalars.contains(where: \.isInvisible) else { return self }
    return unicodeScalars.map { $0.isInvisible ? $0.escaped(asASCII: true) : String($0) }.joined()
  }

  /// The same for a line of JSON, in JSON's notation.
  ///
  /// The encoder escapes only characters below U+0020. The others occur only inside strings.
  package var escapingInvisiblesForJSON: String {
    guard unicodeScalars.contains(where: \.isInvisible) else { return self }
    return unicodeScalars.map { scalar in
      guard scalar.isInvisible else { return String(scalar) }
      return String(scalar).utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }.joined()
  }
}

extension String {
  /// With line ends, as libpq's messages have them, turned into spaces.
  package var oneLine: String {
    split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }.joined(separator: " ")
  }
}

extension Unicode.Scalar {
  fileprivate var isInvisible: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
