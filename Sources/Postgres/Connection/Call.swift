/// One exchange with the server: its number, how long it may take, and whether it has been called off.
struct Call {
  let number: UInt64
  /// False for what must be carried through although the caller's task was cancelled, such as `ROLLBACK`.
  let isCancellable: Bool
  /// When the caller gives up on the connection.
  private(set) var limit: ContinuousClock.Instant
  private(set) var cancelRequest: CancelRequest?
  private(set) var wasCancelled = false

  /// How long a cancelled query may take to wind down before its connection is given up.
  private static let windDown = Duration.seconds(2)

  init(number: UInt64, isCancellable: Bool, deadline: Duration) {
    self.number = number
    self.isCancellable = isCancellable
    limit = .now + deadline
  }

  /// Notes the cancellation, with the request that was sent; nil gives up at once.
  mutating func cancel(with request: CancelRequest?) {
    wasCancelled = true
    cancelRequest = request
    limit = request == nil ? .now : min(limit, .now + Self.windDown)
  }

  /// Milliseconds left, for poll(2): rounded up, and 0 when the time is over.
  var millisecondsLeft: Int32 {
    Int32(clamping: max(0, (limit - .now).wholeMilliseconds))
  }
}
