import KeymeterDomain

/// A first answer, and from when on it counts as absent.
struct KeptAnswer: Sendable {
  let answer: SealedResponse
  var expiresAt: Timestamp
}

/// A name was answered twice: the caller ignored the claim, which is a bug.
struct NameIsTaken: Error {}

extension InMemoryState {
  /// What is known under a name; transactions run one at a time, so none is ever at it unless a test says so.
  func claim(_ entry: IdempotencyEntry, at now: Timestamp) -> IdempotencyClaim {
    if namesAreInFlight { return .inFlight }
    guard let kept = answers[entry], kept.expiresAt > now else { return .free }
    return .answered(kept.answer)
  }

  /// Keeps an answer for 24 hours, in the place of one whose time is over.
  mutating func keep(_ answer: SealedResponse, as entry: IdempotencyEntry, at now: Timestamp) throws {
    guard claim(entry, at: now) == .free else { throw NameIsTaken() }
    answers[entry] = KeptAnswer(answer: answer, expiresAt: now.advanced(bySeconds: 86_400))
  }
}
