/// Why a document was rejected, and where.
///
/// The description is for the client that sent the document. It quotes only the name of a duplicate member, redacted by
/// `RedactedName`.
struct JSONSyntaxError: Error, Equatable, Sendable {
  enum Reason: Equatable, Sendable {
    case byteOrderMark
    case contentAfterValue
    case controlCharacter
    case duplicateMember(String)
    case invalidEscape
    case invalidUTF8
    case leadingZero
    case loneSurrogate
    case missingDigit
    case tooDeep(limit: Int)
    case unexpectedByte(UInt8)
    case unexpectedEnd
  }

  let reason: Reason
  /// The position of the fault, in bytes.
  let offset: Int
}

extension JSONSyntaxError: CustomStringConvertible {
  var description: String {
    "\(reason) at byte \(offset)"
  }
}

extension JSONSyntaxError.Reason: CustomStringConvertible {
  var description: String {
    switch self {
    case .byteOrderMark: "byte order mark"
    case .contentAfterValue: "more content after the JSON value"
    case .controlCharacter: "control character in a string, which must be escaped,"
    case .duplicateMember(let name): "duplicate member \"\(RedactedName.of(name))\""
    case .invalidEscape: "invalid escape in a string"
    case .invalidUTF8: "invalid UTF-8"
    case .leadingZero: "number with a leading zero"
    case .loneSurrogate: "half of a surrogate pair"
    case .missingDigit: "number without a digit where one is needed"
    case .tooDeep(let limit): "nesting deeper than \(limit) levels"
    case .unexpectedByte(let byte): "unexpected \(Self.quotable(byte))"
    case .unexpectedEnd: "unexpected end of the document"
    }
  }

  private static func quotable(_ byte: UInt8) -> String {
    switch byte {
    case 0x21...0x7E: "'\(Unicode.Scalar(byte))'"
    default: "byte 0x" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
  }
}
