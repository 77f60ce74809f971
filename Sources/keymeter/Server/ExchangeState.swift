/// Where a connection stands between its client's requests and the server's answers.
struct ExchangeState {
  /// Requests whose head has arrived and whose answer has not ended.
  private(set) var answersOwed = 0
  /// A request's head has arrived, and its end has not.
  private(set) var isBodyOpen = false
  /// A request ended since bytes last came in.
  private var hasJustEnded = false
  /// An answer has begun and not ended.
  private var isAnswering = false

  /// What to do with a request that has not arrived whole in time.
  enum Overdue {
    /// Nothing yet: the client may be waiting for answers that the server owes it.
    case wait
    /// Its answer is on its way, or has been given, and can't be changed any more.
    case close
    /// Nothing has been said of it.
    case refuse
  }

  /// - Returns: whether a request remains incomplete.
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

  /// Answers are owed to requests before the one that is arriving.
  var owesEarlierAnswers: Bool { answersOwed > (isBodyOpen ? 1 : 0) }

  /// A request has had its answer, and goes on arriving.
  var isRestOfAnswered: Bool { isBodyOpen && answersOwed == 0 }
}
