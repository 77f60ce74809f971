extension String {
  /// With an escape for every character that a terminal or a reader would obey rather than see: ends of lines, control
  /// characters, marks of direction, and what has no width.
  ///
  /// So no value can pretend to be a line of its own, or have one that was written before look otherwise.
  var showingInvisibles: String {
    guard unicodeScalars.contains(where: \.isInvisible) else { return self }
    return unicodeScalars.map { $0.isInvisible ? $0.escaped(asASCII: true) : String($0) }.joined()
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
