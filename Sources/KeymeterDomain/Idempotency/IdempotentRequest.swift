import Crypto

/// A request with an idempotency key, so that a retry has no second effect.
public struct IdempotentRequest: Sendable {
  /// The idempotency key.
  let name: IdempotencyKey
  /// The fingerprint of the request, because a name may not be reused for a different request.
  let fingerprint: RequestFingerprint
  /// The caller's secret, from which the key of the seal is derived.
  let secret: KeySecret
  private let random: RandomSource

  /// Creates a request with an idempotency key.
  public init(
    name: IdempotencyKey, fingerprint: RequestFingerprint, secret: KeySecret,
    random: RandomSource = .system
  ) {
    self.name = name
    self.fingerprint = fingerprint
    self.secret = secret
    self.random = random
  }

  /// The ledger entry of its response.
  func entry(of key: KeyID, in organisation: OrganisationID) -> IdempotencyEntry {
    IdempotencyEntry(organisationID: organisation, keyID: key, name: name)
  }

  /// Seals the first response, so that only the caller's own key opens it.
  ///
  /// - Throws: Errors of the cryptography if memory runs out.
  func seal(_ answer: some ReplayableResponse, as entry: IdempotencyEntry) throws -> SealedResponse {
    var random = random
    let seal = ResponseSeal(secret: secret, name: name, entry: entry)
    return try seal.close(fingerprint.bytes + answer.sealableBytes, random: &random)
  }

  /// Opens the first response for a replay.
  ///
  /// - Throws: `IdempotencyRejection.unreadable` if it was sealed with another secret of the caller's key, or
  ///   `.reused` if it belongs to a different request.
  func open<Response: ReplayableResponse>(
    _ sealed: SealedResponse, as entry: IdempotencyEntry
  ) throws(IdempotencyRejection) -> Response {
    guard let opened = ResponseSeal(secret: secret, name: name, entry: entry).open(sealed) else {
      throw .unreadable
    }
    guard opened.starts(with: fingerprint.bytes) else { throw .reused }
    guard var answer = Response(sealableBytes: opened.dropFirst(fingerprint.bytes.count)) else {
      throw .unreadable
    }
    answer.replayed = true
    return answer
  }
}

/// A 32-byte hash of a request.
///
/// It covers everything that determines the effect: the method, the path and the raw body. Two bodies with
/// the same meaning but different bytes are different requests.
public struct RequestFingerprint: Sendable, Hashable {
  let bytes: [UInt8]

  /// Creates the fingerprint of a request.
  ///
  /// - Parameter path: Without the query, which has no effect on retryable requests.
  public init(method: String, path: String, body: [UInt8]) {
    var hash = SHA256()
    // Methods and paths contain no newlines, so different requests can't collide.
    hash.update(data: Array("\(method)\n\(path)\n".utf8))
    hash.update(data: body)
    bytes = Array(hash.finalize())
  }
}
