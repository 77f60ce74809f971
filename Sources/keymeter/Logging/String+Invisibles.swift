extension String {
  /// With an escape for every character that a terminal or a reader would obey rather than see: ends of lines, control
  /// characters, marks of direction, and what has no width.
  ///
  /// So no value can pretend to be a line of its own, or have one that was written before look otherwise.
  var showingInvisibles: String {
    guard unicodeScalars.contains(where: \.isInvisible) else { return self }
    return unicodeScalars.map { $0.isInvisible ? $0.escaped(asASCII: true) : String($0) }.joined()
  }

  /// The same for a text of JSON on one line, as JSON writes them.
  ///
  /// The encoder escapes what JSON asks for, which is no more than what is below U+0020. The others are in strings alone.
  var escapingInvisiblesForJSON: String {
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

extension Unicode.Scalar {
  fileprivate var isInvisible: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
