import Crypto

/// The SHA-256 of a reported text, which identifies it to the reporter.
public struct TokenHash: Sendable {
  /// 64 lower-case hexadecimal digits.
  public let hexadecimal: String

  /// Hashes a text's UTF-8.
  public init(of text: String) {
    hexadecimal = SHA256.hash(data: Array(text.utf8)).hexadecimal
  }
}
