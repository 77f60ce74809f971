import Crypto

/// The public keys by which GitHub's reports of leaked keys are recognised.
///
/// GitHub names the key that it signed with, and changes keys from time to time, so there can be several.
public struct ReporterKeys: Sendable {
  /// The setting that gives them.
  public static let setting = "KEYMETER_GITHUB_SECRET_SCANNING_KEYS"

  private let keys: [String: P256.Signing.PublicKey]

  /// Keys by their identifiers, each as the DER of a SubjectPublicKeyInfo (RFC 5480) on the curve P-256.
  ///
  /// - Throws: `ValidationFailure` naming the setting where there is none, an identifier is unusable or stands twice,
  ///   or a key is none.
  public init(_ keys: [(identifier: String, der: [UInt8])]) throws(ValidationFailure) {
    guard !keys.isEmpty else { throw Self.failure("must name at least one key") }
    var known: [String: P256.Signing.PublicKey] = [:]
    for (identifier, der) in keys {
      guard (1...128).contains(identifier.utf8.count), identifier.utf8.allSatisfy(Base62.contains) else {
        throw Self.failure("has a key identifier that is not 1 to 128 letters and digits")
      }
      guard let key = try? P256.Signing.PublicKey(derRepresentation: der) else {
        throw Self.failure("has under '\(identifier)' no public key on the curve P-256")
      }
      guard known.updateValue(key, forKey: identifier) == nil else {
        throw Self.failure("has the key identifier '\(identifier)' twice")
      }
    }
    self.keys = known
  }

  /// Whether there is a key with this identifier.
  public func contains(_ identifier: String) -> Bool { keys[identifier] != nil }

  /// Whether `signature` is that key's of exactly these bytes: ECDSA over their SHA-256, in DER.
  public func isSigned(_ body: [UInt8], by identifier: String, signature: [UInt8]) -> Bool {
    guard let key = keys[identifier],
      let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
    else { return false }
    return key.isValidSignature(signature, for: body)
  }

  private static func failure(_ message: String) -> ValidationFailure {
    ValidationFailure(field: setting, message)
  }
}
