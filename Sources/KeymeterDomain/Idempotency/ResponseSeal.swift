import Crypto

/// A response as stored.
///
/// Neither the store's contents nor the peppers open it.
public struct SealedResponse: Sendable, Hashable {
  /// 32 random bytes, generated for this response only.
  public let salt: [UInt8]
  /// AES-256-GCM: the nonce (12 bytes), the ciphertext and the tag (16 bytes).
  public let box: [UInt8]

  /// Creates a value from a stored row.
  public init(salt: [UInt8], box: [UInt8]) {
    self.salt = salt
    self.box = box
  }
}

/// Encrypts a stored response with a key derived from the caller's own secret.
///
/// The key is HKDF-SHA-256 of the presented API key (190 random bits), with a random salt per response and
/// the idempotency key as its info. The store only has the API key's HMAC. So an attacker with the database
/// and the peppers can neither derive the key nor, at 190 bits, search for it.
///
/// The ciphertext is bound to its ledger entry: moved to another entry, it doesn't open.
struct ResponseSeal {
  private static let context = "keymeter idempotency answer 1\n"
  private static let saltLength = 32

  let secret: KeySecret
  let name: IdempotencyKey
  let entry: IdempotencyEntry

  /// Encrypts `plaintext` with a key that is used once.
  ///
  /// - Throws: Errors of the cryptography if memory runs out.
  func close(_ plaintext: [UInt8], random: inout RandomSource) throws -> SealedResponse {
    let salt = (0..<Self.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let box = try AES.GCM.seal(plaintext, using: key(salt: salt), authenticating: associatedData)
    return SealedResponse(salt: salt, box: Array(box.nonce) + Array(box.ciphertext) + Array(box.tag))
  }

  /// Decrypts the response.
  ///
  /// Nil if the API key, the idempotency key or the entry differs, or a bit has changed.
  func open(_ sealed: SealedResponse) -> [UInt8]? {
    guard let box = try? AES.GCM.SealedBox(combined: sealed.box),
      let plaintext = try? AES.GCM.open(box, using: key(salt: sealed.salt), authenticating: associatedData)
    else { return nil }
    return Array(plaintext)
  }

  private func key(salt: [UInt8]) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: Array(secret.bytes)), salt: salt,
      info: Array((Self.context + name.rawValue).utf8), outputByteCount: 32)
  }

  private var associatedData: [UInt8] {
    Array("\(entry.organisationID)\n\(entry.keyID)\n\(name.rawValue)".utf8)
  }
}
