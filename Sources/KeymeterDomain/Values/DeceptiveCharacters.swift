/// Characters that can't be seen, and by which one name passes for another.
///
/// They change the direction of what follows, so that it is read backwards, or stand between letters without a trace.
/// Whatever scripts and emoji need to be written is none of them: the joiners (U+200C, U+200D), variation selectors,
/// and tags within the flag of a region.
enum DeceptiveCharacters {
  /// The first one in `text`.
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

  /// What a message calls one, such as `U+202E`.
  static func name(of scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// What the tags of a region's flag follow, such as Scotland's.
  private static let blackFlag: Unicode.Scalar = "\u{1F3F4}"
  private static let tags: ClosedRange<Unicode.Scalar> = "\u{E0020}"..."\u{E007F}"
  private static let lastTag: Unicode.Scalar = "\u{E007F}"

  private static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    // Direction: marks, embeddings and overrides, isolates.
    case "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
    // Other ends of a line than those among the control characters.
    case "\u{2028}", "\u{2029}": true
    // No width at all: soft hyphen, separators, invisible operators, the byte order mark, annotations.
    case "\u{AD}", "\u{180E}", "\u{200B}", "\u{2060}"..."\u{2065}", "\u{206A}"..."\u{206F}", "\u{FEFF}",
      "\u{FFF9}"..."\u{FFFB}":
      true
    // Tags outside a flag can spell out a text that nobody sees.
    case "\u{E0000}"..."\u{E001F}": true
    default: false
    }
  }
}
