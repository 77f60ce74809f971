import KeymeterDomain

/// Redacts unknown names that a client sent, for use in errors.
///
/// A secret in place of a name must not appear in a response, nor in the client's log of it.
enum RedactedName {
  static let placeholder = "(redacted)"
  /// One less than the length of a secret's random part, so that no reported name contains all of it.
  private static let longest = 31

  /// The name if it is short, made of letters, digits, `_`, `.` and `-`, and unlike a secret, or the placeholder.
  static func of(_ name: String) -> String {
    let bytes = name.utf8
    guard (1...longest).contains(bytes.count), bytes.allSatisfy(isHarmless), !name.hasPrefix("sk_"),
      !KeySecret.mayOccur(in: name)
    else { return placeholder }
    return name
  }

  /// Letters, digits, `_`, `.` and `-`.
  static func isHarmless(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
