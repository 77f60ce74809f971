import KeymeterDomain

/// The cursor of a page: `cur_`, the creation time in 16 hexadecimal digits, and the id without its prefix.
///
/// It is opaque to clients and needs no signature, because it only selects a position within the caller's organisation.
struct KeyCursor {
  private static let prefix = "cur_"
  private static let timeWidth = 16
  /// The first moment after the year 9999.
  private static let latest: Int64 = 253_402_300_800_000_000

  let position: KeyPosition

  init(_ position: KeyPosition) { self.position = position }

  /// Parses a cursor, or fails for any other text.
  init?(_ text: String) {
    guard text.utf8.starts(with: Self.prefix.utf8) else { return nil }
    let rest = text.dropFirst(Self.prefix.count)
    guard let time = Self.time(rest.utf8.prefix(Self.timeWidth)) else { return nil }
    let id = KeyID(rawValue: KeyID.prefix + rest.dropFirst(Self.timeWidth))
    guard id.isWellFormed, id.rawValue != KeyID.prefix else { return nil }
    position = KeyPosition(createdAt: Timestamp(microseconds: time), id: id)
  }

  /// The cursor's text.
  var text: String {
    let digits = String(position.createdAt.microseconds, radix: 16)
    let zeros = String(repeating: "0", count: max(0, Self.timeWidth - digits.count))
    return Self.prefix + zeros + digits + position.id.rawValue.dropFirst(KeyID.prefix.count)
  }

  private static func time(_ digits: Substring.UTF8View) -> Int64? {
    guard digits.count == timeWidth else { return nil }
    var time: Int64 = 0
    for byte in digits {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): time = time << 4 | Int64(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): time = time << 4 | Int64(byte - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return (0..<latest).contains(time) ? time : nil
  }
}
