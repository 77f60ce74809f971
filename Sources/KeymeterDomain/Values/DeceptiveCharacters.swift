/// Invisible characters that make one name look like another.
///
/// They reverse the text direction, or sit between letters without a trace. Characters that scripts and emoji
/// need are allowed: the joiners (U+200C, U+200D), variation selectors, and tags within a region's flag.
enum DeceptiveCharacters {
  /// The first such character in `text`.
  static func first(in text: String) -> Unicode.Scalar? {
    var isFlag = false
    for scalar in text.unicodeScalars {
      if tags.contains(scalar) {
        guard isFlag else { return scalar }
        isFlag = scalar != lastTag
      } else {
        guard !isDeceptive(scalar) else { return scalar }
        isFlag = scalar == blackFlag
      }
    }
    return nil
  }

  /// The character's name in messages, such as `U+202E`.
  static func name(of scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// The flag that a region's tags follow, such as Scotland's.
  private static let blackFlag: Unicode.Scalar = "\u{1F3F4}"
  private static let tags: ClosedRange<Unicode.Scalar> = "\u{E0020}"..."\u{E007F}"
  private static let lastTag: Unicode.Scalar = "\u{E007F}"

  private static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    // Direction: marks, embeddings and overrides, isolates.
    case "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
    // Line separators besides the control characters.
    case "\u{2028}", "\u{2029}": true
    // Zero width: soft hyphen, separators, invisible operators, the byte order mark, annotations.
    case "\u{AD}", "\u{180E}", "\u{200B}", "\u{2060}"..."\u{2065}", "\u{206A}"..."\u{206F}", "\u{FEFF}",
      "\u{FFF9}"..."\u{FFFB}":
      true
    // Tags outside a flag can spell out hidden text.
    case "\u{E0000}"..."\u{E001F}": true
    default: false
    }
  }
}
