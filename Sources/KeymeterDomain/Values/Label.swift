/// A human-readable name: of a key, an organisation, or the thing that a key is linked to.
///
/// 1 to 255 characters (Unicode scalars, as PostgreSQL counts them) after trimming, without control
/// characters (contract §3), and without invisible ones that let a name be read as another (`DeceptiveCharacters`).
public struct Label: Sendable, Hashable, CustomStringConvertible {
  /// The trimmed text.
  public let rawValue: String

  /// Trims and checks `text`.
  ///
  /// - Parameter field: the name of the input that the error is to carry.
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
      // By its number, since the character itself can't be seen.
      throw ValidationFailure(
        field: field, "must not contain the invisible character \(DeceptiveCharacters.name(of: hidden))")
    }
    guard !trimmed.unicodeScalars.allSatisfy(\.properties.isDefaultIgnorableCodePoint) else {
      throw ValidationFailure(field: field, "must not be empty")
    }
    rawValue = trimmed
  }

  /// Takes a text that the store holds, and so was checked when it was written.
  public init(stored: String) { rawValue = stored }

  /// The trimmed text.
  public var description: String { rawValue }

  /// Two labels are the same when their bytes are, as for PostgreSQL; Swift's own comparison takes a letter with
  /// an accent for the same as the letter and the accent.
  public static func == (left: Label, right: Label) -> Bool {
    left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
  }

  /// Agrees with `==`.
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
