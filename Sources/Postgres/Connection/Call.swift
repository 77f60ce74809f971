/// One exchange with the server: its number, its deadline and its cancellation state.
struct Call {
  let number: UInt64
  /// False for commands that must complete even if the caller's task was cancelled, such as `ROLLBACK`.
  let isCancellable: Bool
  /// When the caller gives up and closes the connection.
  private(set) var limit: ContinuousClock.Instant
  private(set) var cancelRequest: CancelRequest?
  private(set) var wasCancelled = false

  /// How long a cancelled query may take to stop before its connection is closed.
  private static let windDown = Duration.seconds(2)

  init(number: UInt64, isCancellable: Bool, deadline: Duration) {
    self.number = number
    self.isCancellable = isCancellable
    limit = .now + deadline
  }

  /// Marks the call as cancelled.
  ///
  /// With no cancel request (nil), the connection is given up at once.
  mutating func cancel(with request: CancelRequest?) {
    wasCancelled = true
    cancelRequest = request
    limit = request == nil ? .now : min(limit, .now + Self.windDown)
  }

  /// The milliseconds left for poll(2), rounded up, or 0 after the deadline.
  var millisecondsLeft: Int32 {
    Int32(clamping: max(0, (limit - .now).wholeMilliseconds))
  }
}
