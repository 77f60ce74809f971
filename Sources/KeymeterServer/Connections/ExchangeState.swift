/// The state of a connection: which requests have arrived, and which responses are still owed.
struct ExchangeState {
  /// The number of requests whose head has arrived and whose response is not complete.
  private(set) var answersOwed = 0
  /// Whether a request's head has arrived, but not its end.
  private(set) var isBodyOpen = false
  /// Whether a request has ended since the last bytes arrived.
  private var hasJustEnded = false
  /// Whether a response has started but not ended.
  private var isAnswering = false

  /// What to do about a request that did not arrive completely in time.
  enum Overdue {
    /// Wait: the client may be waiting for earlier responses.
    case wait
    /// Close: the response has started or ended, so the status can't change any more.
    case close
    /// Reject: no response has started.
    case refuse
  }

  /// - Returns: Whether a request is still incomplete.
  mutating func bytesArrived() -> Bool {
    defer { hasJustEnded = false }
    return isBodyOpen || !hasJustEnded
  }

  mutating func headArrived() {
    answersOwed += 1
    isBodyOpen = true
  }

  mutating func endArrived() {
    isBodyOpen = false
    hasJustEnded = true
  }

  mutating func answerBegan() { isAnswering = true }

  mutating func answerEnded() {
    isAnswering = false
    answersOwed -= 1
  }

  var overdue: Overdue {
    if owesEarlierAnswers { return .wait }
    return isAnswering || isRestOfAnswered ? .close : .refuse
  }

  /// Whether responses to earlier requests are still owed.
  var owesEarlierAnswers: Bool { answersOwed > (isBodyOpen ? 1 : 0) }

  /// Whether a request has been answered but is still arriving.
  var isRestOfAnswered: Bool { isBodyOpen && answersOwed == 0 }
}
