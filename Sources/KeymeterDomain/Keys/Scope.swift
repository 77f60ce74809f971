/// A permission that a key holds: words joined by colons, of which the last may be `*` (contract §4).
///
/// `incidents:read` is a single permission, `incidents:*` covers all that start with `incidents:`, and `*`
/// covers everything.
public struct Scope: Sendable, Hashable, CustomStringConvertible {
  /// The scope as written.
  public let rawValue: String

  /// The scope that covers every other.
  public static let everything = Scope(stored: "*")
  /// Lets a non-root key list the organisation's keys (contract §4).
  public static let readKeys = Scope(stored: "apikeys:read")
  /// Lets a non-root key create and revoke keys (contract §4).
  public static let writeKeys = Scope(stored: "apikeys:write")

  /// Validates a scope: at most 128 characters, words of `A–Z a–z 0–9 . _ -` joined by `:`, with `*` alone or
  /// as the last word.
  ///
  /// - Throws: `ValidationFailure` naming `field`.
  public init(validating text: String, field: String) throws(ValidationFailure) {
    guard text.utf8.count <= 128, Self.isWellFormed(text) else {
      throw ValidationFailure(
        field: field,
        "must be like incidents:read, incidents:* or *, with words of A-Z a-z 0-9 . _ - and at most 128 characters"
      )
    }
    rawValue = text
  }

  /// Wraps a stored scope, which was validated when it was written.
  public init(stored: String) { rawValue = stored }

  /// The scope as written.
  public var description: String { rawValue }

  /// Whether this scope grants everything that `other` does.
  ///
  /// `other` may be a wildcard.
  ///
  /// `incidents:*` covers `incidents:read` and `incidents:notes:*`, but not `incidents` itself. Only `*`
  /// covers `*`. The SQL function `keymeter.scopes_cover` implements the same rule.
  public func covers(_ other: Scope) -> Bool {
    if rawValue == "*" || self == other { return true }
    guard rawValue.hasSuffix(":*") else { return false }
    return other.rawValue.utf8.starts(with: rawValue.utf8.dropLast())
  }

  private static func isWellFormed(_ text: String) -> Bool {
    let words = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard let last = words.last else { return false }
    let lastIsWildcard = last.elementsEqual("*".utf8)
    let plain = lastIsWildcard ? words.dropLast() : words[...]
    return plain.allSatisfy { word in !word.isEmpty && word.allSatisfy(isWordByte) }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
