import Crypto

/// A request that its caller has named, so that sending it again has no second effect.
public struct IdempotentRequest: Sendable {
  /// The caller's name for it.
  let name: IdempotencyKey
  /// What was asked for: the same name may not stand for anything else.
  let fingerprint: RequestFingerprint
  /// The key that the caller presented, out of which the seal of its answer is made.
  let secret: KeySecret
  private let random: RandomSource

  /// A request under the caller's name for it.
  public init(
    name: IdempotencyKey, fingerprint: RequestFingerprint, secret: KeySecret,
    random: RandomSource = .system
  ) {
    self.name = name
    self.fingerprint = fingerprint
    self.secret = secret
    self.random = random
  }

  /// Where the answer to it is kept.
  func entry(of key: KeyID, in organisation: OrganisationID) -> IdempotencyEntry {
    IdempotencyEntry(organisationID: organisation, keyID: key, name: name)
  }

  /// Seals the first answer, so that only the caller's own key opens it again.
  ///
  /// - Throws: what the cryptography throws, for lack of memory.
  func seal(_ answer: StoredResponse, as entry: IdempotencyEntry) throws -> SealedResponse {
    var random = random
    let seal = ResponseSeal(secret: secret, name: name, entry: entry)
    return try seal.close(fingerprint.bytes + answer.bytes, random: &random)
  }

  /// The first answer, given again.
  ///
  /// - Throws: `IdempotencyRejection.unreadable` where it was sealed under another value of the caller's key;
  ///   `.reused` where it answered another request.
  func open(
    _ sealed: SealedResponse, as entry: IdempotencyEntry
  ) throws(IdempotencyRejection) -> StoredResponse {
    guard let opened = ResponseSeal(secret: secret, name: name, entry: entry).open(sealed) else {
      throw .unreadable
    }
    guard opened.starts(with: fingerprint.bytes) else { throw .reused }
    guard var answer = StoredResponse(bytes: opened.dropFirst(fingerprint.bytes.count)) else {
      throw .unreadable
    }
    answer.replayed = true
    return answer
  }
}

/// What a request asks for, in 32 bytes.
///
/// It holds all that decides the effect: the method, the path, and the body as it was sent. Two bodies that
/// mean the same but are spelt otherwise are two requests.
public struct RequestFingerprint: Sendable, Hashable {
  let bytes: [UInt8]

  /// The fingerprint of a request.
  ///
  /// - Parameter path: without the query, which decides nothing where a request may be repeated.
  public init(method: String, path: String, body: [UInt8]) {
    var hash = SHA256()
    // Neither a method nor a path can hold a line break, so no two requests run together.
    hash.update(data: Array("\(method)\n\(path)\n".utf8))
    hash.update(data: body)
    bytes = Array(hash.finalize())
  }
}
