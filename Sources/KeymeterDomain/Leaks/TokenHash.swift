import Crypto

/// The SHA-256 by which a reported text is named to whoever reported it, in place of the text.
public struct TokenHash: Sendable {
  /// 64 hexadecimal digits, in small letters.
  public let hexadecimal: String

  private static let digits = Array("0123456789abcdef".utf8)

  /// The hash of a text's UTF-8.
  public init(of text: String) {
    let bytes = SHA256.hash(data: Array(text.utf8))
    hexadecimal = String(
      decoding: bytes.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
