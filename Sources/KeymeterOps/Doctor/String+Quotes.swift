extension String {
  /// Between marks, and with each mark inside doubled, as SQL writes names (`"`) and texts (`'`).
  ///
  /// Looks at scalars, not characters: a mark with a combining accent is one character, and yet ends a text.
  func quoted(by mark: Unicode.Scalar) -> String {
    let inside = unicodeScalars.map { $0 == mark ? "\(mark)\(mark)" : String($0) }.joined()
    return "\(mark)\(inside)\(mark)"
  }
}
