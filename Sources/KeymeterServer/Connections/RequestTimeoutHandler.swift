import KeymeterHandlers
import NIOCore
import NIOHTTP1
import NIOSSL

/// Closes connections of slow clients (slowloris), and explains to clients why their request can't be parsed.
///
/// While the server drains, it also marks each connection's final response with `Connection: close`.
///
/// It must come directly after the HTTP decoder. `ArrivalObserver` notifies it of incoming bytes. A request
/// that arrives in one piece, as nearly all do, needs no timer.
final class RequestTimeoutHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// How long a rejected client may keep sending before its connection is closed.
  ///
  /// Closing at once would lose the response if unread input is pending, because the kernel would then reset
  /// the connection.
  static let lingering = TimeAmount.seconds(2)
  /// The minimum rate, in bytes per second, at which a client must read while it is behind.
  static let slowestBytesPerSecond: Int64 = 1_024

  private let patience: TimeAmount
  private let drain: Drain
  private let backlog: WriteBufferLimit
  /// The registration in `backlog` while the client is behind.
  private var ticket: WriteBufferLimit.Ticket?
  /// The size of the response part written last, which stays in memory until its last byte is sent.
  private var partBytes = 0
  private var context: ChannelHandlerContext?
  private var exchange = ExchangeState()
  private var arrival: Scheduled<Void>?
  private var taking: Scheduled<Void>?
  private var refusal: ConnectionProblem?
  /// The final response is on its way, so further writes fail.
  private var isClosing = false
  /// The response being written carries `Connection: close`.
  private var isLastAnswer = false

  /// - Parameters:
  ///   - patience: How long a client may take to send a request, and to read a response.
  ///   - drain: Tells when each connection's next response must be its last.
  ///   - backlog: Limits the unsent bytes of all connections together.
  init(
    patience: TimeAmount, drain: Drain = Drain(lasting: .zero), backlog: WriteBufferLimit = WriteBufferLimit()
  ) {
    self.patience = patience
    self.drain = drain
    self.backlog = backlog
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    arrival?.cancel()
    taking?.cancel()
    leaveBacklog()
  }

  // MARK: Input

  /// Starts the timer for the TLS handshake, which has the same time limit as a request.
  func handshakeBegan() { startArrival() }

  /// Stops that timer.
  func handshakeEnded() { stopArrival() }

  /// Called after incoming bytes have passed through the decoder.
  func bytesArrived() {
    if exchange.bytesArrived(), refusal == nil, !isClosing { startArrival() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Drop requests after the final response: the client would never learn their outcome.
    guard !isLastAnswer || exchange.isBodyOpen else { return }
    switch unwrapInboundIn(data) {
    case .head: exchange.headArrived()
    case .body: break
    case .end:
      exchange.endArrived()
      stopArrival()
    }
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? HTTPParserError {
      refusal = error == .headerOverflow ? .headersTooLarge : .malformedRequest
      stopArrival()
    }
    context.fireErrorCaught(error)
  }

  private func startArrival() {
    guard arrival == nil, let context else { return }
    arrival = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
      self?.arrival = nil
      self?.arrivalIsOverdue()
    }
  }

  private func stopArrival() {
    arrival?.cancel()
    arrival = nil
  }

  private func arrivalIsOverdue() {
    guard let context else { return }
    switch exchange.overdue {
    case .wait: startArrival()
    case .close: abandon(context)
    case .refuse: refuse(.requestTimeout, context)
    }
  }

  // MARK: Output

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isClosing else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head where exchange.answersOwed == 0:
      // There is no request: this is the response to one that could not be parsed.
      promise?.succeed()
      if exchange.isRestOfAnswered { linger(context) } else { refuse(refusal ?? .malformedRequest, context) }
      return
    case .head(let head):
      exchange.answerBegan()
      guard drain.hasBegun, exchange.answersOwed == 1 else { break }
      return beginLastAnswer(head, context, promise)
    case .body(.byteBuffer(let part)): partBytes = part.storageCapacity
    case .body(.fileRegion): partBytes = 0
    case .end:
      answerEnded()
      guard isLastAnswer else { break }
      context.write(data, promise: promise)
      return linger(context)
    }
    context.write(data, promise: promise)
  }

  private func beginLastAnswer(
    _ head: HTTPResponseHead, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
  ) {
    isLastAnswer = true
    var head = head
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: promise)
  }

  private func answerEnded() {
    exchange.answerEnded()
    // Reading may have been paused while responses were owed, so that time doesn't count against the client.
    guard arrival != nil, !exchange.owesEarlierAnswers else { return }
    stopArrival()
    startArrival()
  }

  private func refuse(_ problem: ConnectionProblem, _ context: ChannelHandlerContext) {
    for part in problem.parts { context.write(wrapOutboundOut(part), promise: nil) }
    linger(context)
  }

  /// Closes the output side now, and the rest a little later.
  private func linger(_ context: ChannelHandlerContext) {
    isClosing = true
    context.flush()
    context.close(mode: .output, promise: nil)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { [weak self] in
      guard let self, let context = self.context else { return }
      self.abandon(context)
    }
  }

  /// Closes the connection at once and drops unsent bytes.
  ///
  /// Bypasses TLS, which would keep the connection for seconds to exchange close notifications.
  private func abandon(_ context: ChannelHandlerContext) {
    let encryption = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
    (encryption ?? context).close(promise: nil)
  }

  /// Delays closing after a parse error, so that the responses to earlier requests still get through.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all, refusal != nil, !isClosing else {
      context.close(mode: mode, promise: promise)
      return
    }
    linger(context)
    if let promise { context.channel.closeFuture.cascade(to: promise) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    taking?.cancel()
    taking = nil
    leaveBacklog()
    if !context.channel.isWritable {
      startTaking(context)
      // With TLS, the channel may count only part of the response.
      let bytes = max(waitingBytes(context), partBytes)
      let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
      ticket = backlog.enter(bytes) { ticket in
        connection.eventLoop.execute { connection.value.isCutOff(ticket) }
      }
    }
    context.fireChannelWritabilityChanged()
  }

  /// Another client needs the memory.
  ///
  /// Ignored if this client has caught up since.
  private func isCutOff(_ ticket: WriteBufferLimit.Ticket) {
    guard let context, ticket == self.ticket else { return }
    abandon(context)
  }

  private func leaveBacklog() {
    if let ticket { backlog.leave(ticket) }
    ticket = nil
  }

  /// Closes the connection unless the client reads fast enough.
  private func startTaking(_ context: ChannelHandlerContext) {
    let before = waitingBytes(context)
    taking = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
      guard let self, let context = self.context else { return }
      let taken = Int64(before - self.waitingBytes(context))
      if taken * 1_000_000_000 < Self.slowestBytesPerSecond * self.patience.nanoseconds {
        self.abandon(context)
      } else {
        self.startTaking(context)
      }
    }
  }

  private func waitingBytes(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }
}

@available(*, unavailable)
extension RequestTimeoutHandler: Sendable {}

/// Notifies a `RequestTimeoutHandler` of incoming bytes before they are parsed.
final class ArrivalObserver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let timeouts: RequestTimeoutHandler

  init(notifying timeouts: RequestTimeoutHandler) { self.timeouts = timeouts }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Notify afterwards, when it is known whether a request is still incomplete.
    context.fireChannelRead(data)
    timeouts.bytesArrived()
  }
}

@available(*, unavailable)
extension ArrivalObserver: Sendable {}
