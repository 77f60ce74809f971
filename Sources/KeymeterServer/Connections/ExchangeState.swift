import NIOHTTP1

/// The requests that arrived on a connection and the responses that the server still owes.
struct ExchangeState {
  /// Requests whose head has arrived and whose response has not ended.
  private(set) var responsesOwed = 0
  /// A request's head has arrived and its end has not.
  private(set) var isBodyOpen = false
  /// The final request of the connection, if it has arrived: the server responds to nothing after it.
  private(set) var finalRequest: HTTPVersion?
  /// The drain made the current response the connection's last, so later requests are dropped.
  private(set) var isLastResponse = false
  /// A request ended since bytes last arrived.
  private var hasJustEnded = false
  /// A response has begun and not ended.
  private var isResponding = false

  /// What to do with a request that has not arrived completely in time.
  enum Overdue {
    /// Nothing yet. The client may be waiting for responses to earlier requests.
    case wait
    /// Close. The response has begun or ended, so it can't be replaced.
    case close
    /// Reject. Nothing has been sent for it.
    case reject
  }

  /// - Returns: whether a request remains incomplete.
  mutating func bytesArrived() -> Bool {
    defer { hasJustEnded = false }
    return isBodyOpen || !hasJustEnded
  }

  mutating func headArrived(finalIn version: HTTPVersion? = nil) {
    responsesOwed += 1
    isBodyOpen = true
    if let version { finalRequest = version }
  }

  mutating func endArrived() {
    isBodyOpen = false
    hasJustEnded = true
  }

  /// - Parameter isDraining: makes the response the last one, unless more are owed.
  /// - Returns: whether the connection ends with this response.
  mutating func responseBegan(isDraining: Bool = false) -> Bool {
    isResponding = true
    guard responsesOwed == 1 else { return false }
    if isDraining { isLastResponse = true }
    return isDraining || finalRequest != nil
  }

  mutating func responseEnded() {
    isResponding = false
    responsesOwed -= 1
  }

  var overdue: Overdue {
    if owesEarlierResponses { return .wait }
    return isResponding || isRestOfAnswered ? .close : .reject
  }

  /// Responses are owed to requests before the one that is arriving.
  var owesEarlierResponses: Bool { responsesOwed > (isBodyOpen ? 1 : 0) }

  /// The response has ended, and the request is still arriving.
  var isRestOfAnswered: Bool { isBodyOpen && responsesOwed == 0 }
}
