/// An idempotency key: the caller's name for a request, which makes it safe to retry (contract §5).
///
/// The names of different API keys are independent.
public struct IdempotencyKey: Sendable, Hashable {
  /// The header's name, also used in errors about it.
  public static let header = "Idempotency-Key"
  /// The maximum length in characters.
  public static let longest = 255

  /// 1 to 255 printable ASCII characters.
  public let rawValue: String

  /// Validates a name, given without quotation marks.
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
  /// Shows only the length, because callers put order numbers and the like into it.
  public var description: String { "[\(rawValue.utf8.count) characters]" }
  /// Shows nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
