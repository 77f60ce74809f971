import KeymeterDomain

/// A name that a client gave to something that nobody knows, as an error may tell it.
///
/// A key that was put where a name belongs must not come back in an answer, nor through one into somebody's log.
enum RedactedName {
  /// What stands for any other name.
  static let placeholder = "(a name that is not shown)"
  /// One less than a key's random part has, so that no name that is told holds it whole.
  private static let longest = 31

  /// The name if it is short, of letters, digits, `_`, `.` and `-`, and not like a key; the placeholder if not.
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
