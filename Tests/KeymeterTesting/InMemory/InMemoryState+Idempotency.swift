import KeymeterDomain

/// A stored response and its expiry.
struct KeptAnswer: Sendable {
  let answer: SealedResponse
  var expiresAt: Timestamp
}

/// A bug in the caller: it stored a response without a free claim.
struct NameIsTaken: Error {}

extension InMemoryState {
  /// The state of an idempotency key.
  ///
  /// Transactions run one at a time, so it is in flight only if a test says so.
  func claim(_ entry: IdempotencyEntry, at now: Timestamp) -> IdempotencyClaim {
    if namesAreInFlight { return .inFlight }
    guard let kept = answers[entry], kept.expiresAt > now else { return .free }
    return .answered(kept.answer)
  }

  /// Stores a response for 24 hours, replacing an expired one.
  mutating func keep(_ answer: SealedResponse, as entry: IdempotencyEntry, at now: Timestamp) throws {
    guard claim(entry, at: now) == .free else { throw NameIsTaken() }
    answers[entry] = KeptAnswer(answer: answer, expiresAt: now.advanced(bySeconds: 86_400))
  }
}
