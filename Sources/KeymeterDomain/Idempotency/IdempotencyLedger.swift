import Crypto

/// Where the answer to a named request is kept.
public struct IdempotencyEntry: Sendable, Hashable {
  /// The tenant.
  public let organisationID: OrganisationID
  /// The calling key, inside which names are unique.
  public let keyID: KeyID
  /// 32 bytes that stand for the caller's name.
  ///
  /// The name itself is not stored: it takes part in the seal, and callers put order numbers and the like into it. It
  /// is hashed together with the calling key, so that equal names of two callers don't look alike. No secret takes
  /// part: under the API key's value, or a pepper, an entry would be lost when that is rotated, and the request be
  /// carried out a second time.
  public let nameHash: [UInt8]

  /// The entry of one calling key's name.
  public init(organisationID: OrganisationID, keyID: KeyID, name: IdempotencyKey) {
    self.organisationID = organisationID
    self.keyID = keyID
    let text = "keymeter idempotency entry 1\n\(organisationID)\n\(keyID)\n\(name.rawValue)"
    nameHash = Array(SHA256.hash(data: Array(text.utf8)))
  }
}

/// What is known under a name.
public enum IdempotencyClaim: Sendable, Hashable {
  /// Nothing; the name is the claiming transaction's until it ends.
  case free
  /// Another transaction, on any node, is at it.
  case inFlight
  /// The request was carried out, and this was answered.
  case answered(SealedResponse)
}

/// Why a named request was neither carried out nor answered again.
public enum IdempotencyRejection: Error, Sendable, Equatable {
  /// The same name is being worked on.
  case inFlight
  /// The name stands for another request.
  case reused
  /// The name was answered under another value of the caller's key, before a rotation: the new value can't open it.
  case unreadable
}

/// Keeps first answers for 24 hours, inside the transactions whose answers they are.
///
/// Effect and answer are one: where a transaction doesn't commit, neither is there.
public protocol IdempotencyLedger: Sendable {
  /// Looks a name up, and holds it until the transaction ends.
  ///
  /// Never waits for another transaction. An answer that is older than 24 hours by the store's clock counts as absent.
  func claim(_ entry: IdempotencyEntry) async throws -> IdempotencyClaim
  /// Keeps the answer under a name that this transaction holds.
  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) async throws
}

extension IdempotencyLedger {
  /// Carries out a request whose caller is known and may ask for it: once, however often it is sent.
  ///
  /// - Parameters:
  ///   - request: the caller's name for it; `nil` carries it out each time.
  ///   - key: the calling key.
  ///   - answer: makes the answer to be kept. Throws for an outcome that had no effect: nothing is kept then, and
  ///     the same request is judged afresh when it comes again.
  ///   - work: has the effect. It must refuse by throwing.
  /// - Returns: the answer, or the first one, marked as `replayed`.
  /// - Throws: `IdempotencyRejection`, and what `answer` and `work` throw.
  func once<Outcome>(
    _ request: IdempotentRequest?, by key: KeyID, of organisation: OrganisationID,
    answer: (Outcome) throws -> StoredResponse, work: () async throws -> Outcome
  ) async throws -> StoredResponse {
    guard let request else { return try answer(await work()) }
    let entry = request.entry(of: key, in: organisation)
    switch try await claim(entry) {
    case .inFlight: throw IdempotencyRejection.inFlight
    case .answered(let sealed): return try request.open(sealed, as: entry)
    case .free:
      let first = try answer(await work())
      try await keep(request.seal(first, as: entry), as: entry)
      return first
    }
  }
}
