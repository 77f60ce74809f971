import Crypto

/// The ledger entry that a response is stored under.
public struct IdempotencyEntry: Sendable, Hashable {
  /// The tenant.
  public let organisationID: OrganisationID
  /// The calling key, within which names are unique.
  public let keyID: KeyID
  /// A hash of the caller's name, 32 bytes.
  ///
  /// The name itself is not stored: it is part of the seal's key, and callers put order numbers and the like
  /// into it. The calling key's id is hashed along, so that equal names of two callers don't look alike. The
  /// hash depends on no secret: if it used the API key's secret or a pepper, a rotation would lose the entry
  /// and the request would run twice.
  public let nameHash: [UInt8]

  /// Creates the entry for one key's name.
  public init(organisationID: OrganisationID, keyID: KeyID, name: IdempotencyKey) {
    self.organisationID = organisationID
    self.keyID = keyID
    let text = "keymeter idempotency entry 1\n\(organisationID)\n\(keyID)\n\(name.rawValue)"
    nameHash = Array(SHA256.hash(data: Array(text.utf8)))
  }
}

/// The state of a name in the ledger.
public enum IdempotencyClaim: Sendable, Hashable {
  /// The name is unused, and reserved for this transaction until it ends.
  case free
  /// Another transaction, on any node, is processing it.
  case inFlight
  /// The request was processed with this response.
  case answered(SealedResponse)
}

/// Why an idempotent request was neither processed nor replayed.
public enum IdempotencyRejection: Error, Sendable, Equatable {
  /// Another request with this name is in flight.
  case inFlight
  /// The name was used for a different request.
  case reused
  /// The response was sealed with an earlier secret of the caller's key. After a rotation it can't be opened.
  case unreadable
}

/// Stores first responses for 24 hours, in the transaction that they report on.
///
/// Effect and response are atomic: if the transaction doesn't commit, neither exists.
public protocol IdempotencyLedger: Sendable {
  /// Looks up a name and locks it until the transaction ends.
  ///
  /// Never waits for another transaction. A response older than 24 hours by the store's clock counts as
  /// absent.
  func claim(_ entry: IdempotencyEntry) async throws -> IdempotencyClaim
  /// Stores the response under a name that this transaction has claimed.
  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) async throws
}

extension IdempotencyLedger {
  /// Processes an authorised request once, even if it is sent several times.
  ///
  /// - Parameters:
  ///   - request: The idempotent request. Nil processes it each time.
  ///   - key: The calling key.
  ///   - answer: Creates the response to store. Throws for an outcome without effect: then nothing is stored,
  ///     and a retry is judged afresh.
  ///   - work: Has the effect. It must reject by throwing.
  /// - Returns: The response, or the first one marked as `replayed`.
  /// - Throws: `IdempotencyRejection`, and what `answer` and `work` throw.
  func once<Outcome, Response: ReplayableResponse>(
    _ request: IdempotentRequest?, by key: KeyID, of organisation: OrganisationID,
    answer: (Outcome) throws -> Response, work: () async throws -> Outcome
  ) async throws -> Response {
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
