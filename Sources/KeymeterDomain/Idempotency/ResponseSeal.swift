import Crypto

/// An answer as a store holds it.
///
/// Neither the store's contents nor the peppers open it.
public struct SealedResponse: Sendable, Hashable {
  /// 32 random bytes, drawn for this answer alone.
  public let salt: [UInt8]
  /// AES-256-GCM: the nonce (12 bytes), the ciphertext and the tag (16 bytes).
  public let box: [UInt8]

  /// A sealed answer as a store read it.
  public init(salt: [UInt8], box: [UInt8]) {
    self.salt = salt
    self.box = box
  }
}

/// Seals the answer to one request under a key that is derived from what only the caller has.
///
/// The key is HKDF-SHA-256 of the caller's presented API key (190 random bits), with a salt that is drawn for each
/// answer, and with the idempotency key as its purpose. The store knows the API key by its HMAC alone, so whoever has
/// the database and the peppers can neither derive the key nor, with 190 bits, search for it.
///
/// The ciphertext is bound to the entry that it stands in: moved to another one, it doesn't open.
struct ResponseSeal {
  private static let context = "keymeter idempotency answer 1\n"
  private static let saltLength = 32

  let secret: KeySecret
  let name: IdempotencyKey
  let entry: IdempotencyEntry

  /// Seals `plaintext` under a key that is used this once.
  ///
  /// - Throws: what the cryptography throws, for lack of memory.
  func close(_ plaintext: [UInt8], random: inout RandomSource) throws -> SealedResponse {
    let salt = (0..<Self.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let box = try AES.GCM.seal(plaintext, using: key(salt: salt), authenticating: associatedData)
    return SealedResponse(salt: salt, box: Array(box.nonce) + Array(box.ciphertext) + Array(box.tag))
  }

  /// What was sealed; `nil` where the API key, the idempotency key or the entry is another, or a bit has changed.
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
