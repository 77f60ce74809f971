import Crypto

/// The SHA-256 by which a reported text is named to whoever reported it, in place of the text.
public struct TokenHash: Sendable {
  /// 64 hexadecimal digits, in small letters.
  public let hexadecimal: String

  /// The hash of a text's UTF-8.
  public init(of text: String) {
    hexadecimal = SHA256.hash(data: Array(text.utf8)).hexadecimal
  }
}
