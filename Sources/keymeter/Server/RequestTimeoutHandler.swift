import KeymeterHandlers
import NIOCore
import NIOHTTP1
import NIOSSL

/// Ends connections whose client is too slow, and says why to those whose requests can't be read.
///
/// While the server drains, it also says with each connection's last answer that it is the last.
///
/// It sits right behind the HTTP decoder, and hears from `ArrivalObserver` when bytes come in. A request that comes
/// in one piece, as nearly all do, costs it no timer.
final class RequestTimeoutHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// How long a refused client may go on sending before the connection is closed under it.
  ///
  /// Closing at once would lose the answer, if anything has been sent that nobody has read.
  static let lingering = TimeAmount.seconds(2)
  /// What a client must take of its answers for each second in which it is behind.
  static let slowestBytesPerSecond: Int64 = 1_024

  private let patience: TimeAmount
  private let drain: Drain
  private let backlog: WriteBufferLimit
  /// In the backlog, while the client is behind with its answers.
  private var ticket: WriteBufferLimit.Ticket?
  /// How long the part of an answer is that was written last, and that stays in memory until its last byte is sent.
  private var partBytes = 0
  private var context: ChannelHandlerContext?
  private var exchange = ExchangeState()
  private var arrival: Scheduled<Void>?
  private var taking: Scheduled<Void>?
  private var refusal: ConnectionProblem?
  /// The connection's last answer is on its way: whoever still wants to write is too late.
  private var isClosing = false
  /// The answer that is being written says that the connection ends with it.
  private var isLastAnswer = false

  /// - Parameters:
  ///   - patience: how long a request may take to arrive whole, and an answer to be taken.
  ///   - drain: tells when answers are to be the last of their connections.
  ///   - backlog: bounds what waits for slow clients on all connections together.
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

  // MARK: What comes in

  /// Starts the clock of a TLS handshake, which must be over in the same time as a request.
  func handshakeBegan() { startArrival() }

  /// Stops it again.
  func handshakeEnded() { stopArrival() }

  /// Hears that bytes have come in, and that what they held has been passed on.
  func bytesArrived() {
    if exchange.bytesArrived(), refusal == nil, !isClosing { startArrival() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // What comes behind the last answer is to have no effect, for nobody would be told of it.
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

  // MARK: What goes out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isClosing else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head where exchange.answersOwed == 0:
      // Nobody asked: this answers what could not be read.
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
    // While answers were owed nothing may have been read: the time that took is not the client's.
    guard arrival != nil, !exchange.owesEarlierAnswers else { return }
    stopArrival()
    startArrival()
  }

  private func refuse(_ problem: ConnectionProblem, _ context: ChannelHandlerContext) {
    for part in problem.parts { context.write(wrapOutboundOut(part), promise: nil) }
    linger(context)
  }

  /// Ends the server's half of the connection, and the rest a little later.
  private func linger(_ context: ChannelHandlerContext) {
    isClosing = true
    context.flush()
    context.close(mode: .output, promise: nil)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { [weak self] in
      guard let self, let context = self.context else { return }
      self.abandon(context)
    }
  }

  /// Closes the connection at once, and so lets go of what its client hasn't taken.
  ///
  /// TLS would keep it for seconds more, in which it tells the client of the end and waits to be told the same.
  private func abandon(_ context: ChannelHandlerContext) {
    let encryption = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
    (encryption ?? context).close(promise: nil)
  }

  /// Whoever closes behind what can't be read has answered what came before it: that answer must get there.
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
      // Under TLS the channel may know of a piece only.
      let bytes = max(waitingBytes(context), partBytes)
      let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
      ticket = backlog.enter(bytes) { ticket in
        connection.eventLoop.execute { connection.value.isCutOff(ticket) }
      }
    }
    context.fireChannelWritabilityChanged()
  }

  /// Room is needed for others; a client that has caught up meanwhile takes none.
  private func isCutOff(_ ticket: WriteBufferLimit.Ticket) {
    guard let context, ticket == self.ticket else { return }
    abandon(context)
  }

  private func leaveBacklog() {
    if let ticket { backlog.leave(ticket) }
    ticket = nil
  }

  /// Closes the connection unless the client takes its answers at a tolerable pace.
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

/// Tells a `RequestTimeoutHandler` when bytes come in, before anybody has made a request of them.
final class ArrivalObserver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let slowClients: RequestTimeoutHandler

  init(telling slowClients: RequestTimeoutHandler) { self.slowClients = slowClients }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Afterwards, so that it is known by then whether a request is still incomplete.
    context.fireChannelRead(data)
    slowClients.bytesArrived()
  }
}

@available(*, unavailable)
extension ArrivalObserver: Sendable {}
