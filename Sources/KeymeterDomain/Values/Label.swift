/// A human-readable name of a key, an organisation, or the thing that a key is linked to.
///
/// After trimming, it has 1 to 255 characters (Unicode scalars, as PostgreSQL counts) without control
/// characters (contract §3). It has no invisible characters that make one name look like another
/// (`DeceptiveCharacters`).
public struct Label: Sendable, Hashable, CustomStringConvertible {
  /// The trimmed text.
  public let rawValue: String

  /// Trims and validates `text`.
  ///
  /// - Parameter field: The input's name in the error.
  /// - Throws: `ValidationFailure` naming `field`.
  public init(validating text: String, field: String) throws(ValidationFailure) {
    let trimmed = Self.trimmed(text)
    guard !trimmed.isEmpty else {
      throw ValidationFailure(field: field, "must not be empty")
    }
    guard trimmed.unicodeScalars.count <= 255 else {
      throw ValidationFailure(field: field, "must be at most 255 characters")
    }
    guard trimmed.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
      throw ValidationFailure(field: field, "must not contain control characters")
    }
    if let hidden = DeceptiveCharacters.first(in: trimmed) {
      // Name it by its code point, because the character itself is invisible.
      throw ValidationFailure(
        field: field, "must not contain the invisible character \(DeceptiveCharacters.name(of: hidden))")
    }
    guard !trimmed.unicodeScalars.allSatisfy(\.properties.isDefaultIgnorableCodePoint) else {
      throw ValidationFailure(field: field, "must not be empty")
    }
    rawValue = trimmed
  }

  /// Wraps a stored text, which was validated when it was written.
  public init(stored: String) { rawValue = stored }

  /// The trimmed text.
  public var description: String { rawValue }

  /// Compares bytes, as PostgreSQL does.
  ///
  /// Swift's own comparison equates an accented letter with its decomposed form.
  public static func == (left: Label, right: Label) -> Bool {
    left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
  }

  /// Consistent with `==`.
  public func hash(into hasher: inout Hasher) {
    for byte in rawValue.utf8 { hasher.combine(byte) }
  }

  private static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }
}
