import Crypto

/// The public keys that verify GitHub's reports of leaked keys.
///
/// GitHub names the key that it signed with and rotates its keys, so there can be several.
public struct ReporterKeys: Sendable {
  /// The setting's name.
  public static let setting = "KEYMETER_GITHUB_SECRET_SCANNING_KEYS"

  private let keys: [String: P256.Signing.PublicKey]

  /// Creates a set of keys by identifier, each a DER-encoded SubjectPublicKeyInfo (RFC 5480) on the curve
  /// P-256.
  ///
  /// - Throws: `ValidationFailure` naming the setting if there are no keys, an identifier is invalid or
  ///   duplicate, or a key is invalid.
  public init(_ keys: [(identifier: String, der: [UInt8])]) throws(ValidationFailure) {
    guard !keys.isEmpty else { throw Self.failure("must name at least one key") }
    var known: [String: P256.Signing.PublicKey] = [:]
    for (identifier, der) in keys {
      guard (1...128).contains(identifier.utf8.count), identifier.utf8.allSatisfy(Base62.contains) else {
        throw Self.failure("has a key identifier that is not 1 to 128 letters and digits")
      }
      guard let key = try? P256.Signing.PublicKey(derRepresentation: der) else {
        throw Self.failure("has no P-256 public key under '\(identifier)'")
      }
      guard known.updateValue(key, forKey: identifier) == nil else {
        throw Self.failure("contains the key identifier '\(identifier)' twice")
      }
    }
    self.keys = known
  }

  /// Whether there is a key with this identifier.
  public func contains(_ identifier: String) -> Bool { keys[identifier] != nil }

  /// Whether that key signed exactly these bytes: ECDSA over their SHA-256, in DER.
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
