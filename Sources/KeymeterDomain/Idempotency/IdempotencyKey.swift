/// A caller's own name for one request, by which the request may be repeated safely (contract §5).
///
/// Names of different calling keys have nothing to do with each other.
public struct IdempotencyKey: Sendable, Hashable {
  /// The header that carries it, and the name under which its faults are told.
  public static let header = "Idempotency-Key"
  /// The most characters that it may have.
  public static let longest = 255

  /// 1 to 255 printable ASCII characters.
  public let rawValue: String

  /// Checks a name, as it is without quotation marks.
  ///
  /// - Throws: `ValidationFailure` naming `Idempotency-Key`.
  public init(validating text: String) throws(ValidationFailure) {
    guard (1...Self.longest).contains(text.utf8.count), text.utf8.allSatisfy(Self.isPrintable) else {
      throw ValidationFailure(
        field: Self.header, "must be 1 to \(Self.longest) printable ASCII characters, quoted or bare")
    }
    rawValue = text
  }

  private static func isPrintable(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) }
}

extension IdempotencyKey: CustomStringConvertible, CustomReflectable {
  /// How long it is: callers put order numbers and the like into it.
  public var description: String { "[\(rawValue.utf8.count) characters]" }
  /// Nothing of it.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
