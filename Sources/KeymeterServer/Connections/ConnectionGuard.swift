import KeymeterHandlers
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Protects the server from slow, broken and hostile clients.
///
/// Each connection has one guard.
///
/// - A request must arrive, and a TLS handshake finish, within the request timeout (slowloris).
/// - A client must read its responses at a minimum pace, and `WriteBufferLimit` bounds what all clients leave unread.
/// - A request that can't be parsed gets a problem response.
/// - The final response of a connection carries `Connection: close`, because the client asked for it or the server drains.
///
/// It sits directly after the HTTP decoder, and `ArrivalObserver` reports arriving bytes to it from the other side. A
/// request that arrives in one piece, as nearly all do, needs no timer.
final class ConnectionGuard: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// How long a rejected client may keep sending before the connection closes.
  ///
  /// Closing at once would reset the connection if unread bytes remain, and the client would lose the response.
  static let lingering = TimeAmount.seconds(2)
  /// The pace at which a client that is behind must read its responses.
  static let slowestBytesPerSecond: Int64 = 1_024

  private let timeout: TimeAmount
  private let drain: Drain
  private let writeBuffers: WriteBufferLimit
  private var context: ChannelHandlerContext?
  private var exchange = ExchangeState()
  private var requestTimer: Scheduled<Void>?
  private var readerTimer: Scheduled<Void>?
  private var parseError: BufferedResponse?
  /// The final response has been written: fail later writes.
  private var isClosing = false
  /// Set while the client has not read its earlier responses.
  private var ticket: WriteBufferLimit.Ticket?
  /// The size of the body part written last, which stays in memory until its last byte is sent.
  private var partBytes = 0

  /// - Parameters:
  ///   - timeout: the time for a request to arrive, and for a client to read.
  ///   - drain: makes responses the last of their connections.
  ///   - writeBuffers: bounds the unread responses of all connections.
  init(
    timeout: TimeAmount, drain: Drain = Drain(lasting: .zero),
    writeBuffers: WriteBufferLimit = WriteBufferLimit()
  ) {
    self.timeout = timeout
    self.drain = drain
    self.writeBuffers = writeBuffers
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    requestTimer?.cancel()
    readerTimer?.cancel()
    leaveWriteBuffers()
  }

  // MARK: Requests

  func handshakeBegan() { startRequestTimer() }

  func handshakeEnded() { stopRequestTimer() }

  /// Called once the decoder has passed on what the bytes contained.
  func bytesArrived() {
    if exchange.bytesArrived(), parseError == nil, !isClosing { startRequestTimer() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Drop requests after the last response: the client would never learn their outcome.
    guard !exchange.isLastResponse || exchange.isBodyOpen else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      let isFinal = Self.isFinal(head)
      exchange.headArrived(finalIn: isFinal ? head.version : nil)
      let isKnown = RequestTarget.hasKnownForm(head.uri, method: head.method.rawValue)
      guard isFinal || !isKnown else { break }
      return context.fireChannelRead(
        wrapInboundOut(.head(Self.normalised(head, isFinal: isFinal, hasKnownTarget: isKnown))))
    case .body: break
    case .end:
      exchange.endArrived()
      stopRequestTimer()
    }
    context.fireChannelRead(data)
  }

  /// Whether the server reads no request after this one.
  ///
  /// HTTP/1.0 is never kept alive, even if the client asks: only the end of the connection delimits a response of
  /// unknown length. The parser reads nothing after an upgrade, a protocol that the server doesn't speak.
  private static func isFinal(_ head: HTTPRequestHead) -> Bool {
    guard head.version == .http1_1, head.isKeepAlive, head.method != .CONNECT else { return true }
    return head.headers.contains(name: "Upgrade")
      && head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
  }

  /// The head in the form that later handlers expect.
  ///
  /// A target of unknown form is blanked, so that the router rejects it when its turn comes. Otherwise
  /// Hummingbird would take the path of an absolute URI of any scheme.
  private static func normalised(
    _ head: HTTPRequestHead, isFinal: Bool, hasKnownTarget: Bool
  ) -> HTTPRequestHead {
    var head = head
    if isFinal {
      head.headers.replaceOrAdd(name: "Connection", value: "close")
      head.headers.remove(name: "Upgrade")
    }
    if !hasKnownTarget { head.uri = RequestTarget.unknown }
    return head
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? HTTPParserError {
      parseError = error == .headerOverflow ? .headersTooLarge : .malformedRequest
      stopRequestTimer()
    }
    context.fireErrorCaught(error)
  }

  private func startRequestTimer() {
    guard requestTimer == nil, let context else { return }
    requestTimer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
      self?.requestTimer = nil
      self?.requestIsOverdue()
    }
  }

  private func stopRequestTimer() {
    requestTimer?.cancel()
    requestTimer = nil
  }

  private func requestIsOverdue() {
    guard let context else { return }
    switch exchange.overdue {
    case .wait: startRequestTimer()
    case .close: abort(context)
    case .reject: reject(.requestTimeout, context)
    }
  }

  // MARK: Responses

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isClosing else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head where exchange.responsesOwed == 0:
      // NIO's own response to a request that could not be parsed: replace it.
      promise?.succeed()
      return exchange.isRestOfAnswered ? linger(context) : reject(parseError ?? .malformedRequest, context)
    case .head(var head):
      guard exchange.responseBegan(isDraining: drain.hasBegun) else { break }
      head.headers.replaceOrAdd(name: "Connection", value: "close")
      // A client of HTTP/1.0 can't read chunks.
      if exchange.finalRequest == .http1_0 { head.version = .http1_0 }
      return context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body(.byteBuffer(let part)): partBytes = part.storageCapacity
    case .body(.fileRegion): partBytes = 0
    case .end:
      responseEnded()
      guard exchange.isLastResponse else { break }
      context.write(data, promise: promise)
      return linger(context)
    }
    context.write(data, promise: promise)
  }

  private func responseEnded() {
    exchange.responseEnded()
    // The server may not have read while it owed responses, so restart the next request's timeout.
    guard requestTimer != nil, !exchange.owesEarlierResponses else { return }
    stopRequestTimer()
    startRequestTimer()
  }

  private func reject(_ response: BufferedResponse, _ context: ChannelHandlerContext) {
    for part in response.parts { context.write(wrapOutboundOut(part), promise: nil) }
    linger(context)
  }

  /// Closes the server's half of the connection, and the rest after `lingering`.
  private func linger(_ context: ChannelHandlerContext) {
    isClosing = true
    context.flush()
    context.close(mode: .output, promise: nil)
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { [weak self] in
      guard let self, let context = self.context else { return }
      self.abort(context)
    }
  }

  /// Closes the connection at once and frees its unread responses.
  ///
  /// Closing from the TLS handler's position skips TLS's closing handshake, which would keep them for seconds.
  private func abort(_ context: ChannelHandlerContext) {
    let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
    (tls ?? context).close(promise: nil)
  }

  /// Lingers if a later handler closes because of a parse error, so that earlier responses reach the client.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all, parseError != nil, !isClosing else {
      context.close(mode: mode, promise: promise)
      return
    }
    linger(context)
    if let promise { context.channel.closeFuture.cascade(to: promise) }
  }

  // MARK: Slow readers

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    readerTimer?.cancel()
    readerTimer = nil
    leaveWriteBuffers()
    if !context.channel.isWritable {
      startReaderTimer(context)
      // Under TLS the channel may know only a piece of the part.
      let bytes = max(unsentBytes(context), partBytes)
      let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
      ticket = writeBuffers.enter(bytes) { ticket in
        bound.eventLoop.execute { bound.value.disconnect(ticket) }
      }
    }
    context.fireChannelWritabilityChanged()
  }

  /// Closes the connection to free memory, unless the client has caught up in the meantime.
  private func disconnect(_ ticket: WriteBufferLimit.Ticket) {
    guard let context, ticket == self.ticket else { return }
    abort(context)
  }

  private func leaveWriteBuffers() {
    if let ticket { writeBuffers.leave(ticket) }
    ticket = nil
  }

  /// Closes the connection if the client reads too slowly.
  private func startReaderTimer(_ context: ChannelHandlerContext) {
    let before = unsentBytes(context)
    readerTimer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
      guard let self, let context = self.context else { return }
      let sent = Int64(before - self.unsentBytes(context))
      if sent * 1_000_000_000 < Self.slowestBytesPerSecond * self.timeout.nanoseconds {
        self.abort(context)
      } else {
        self.startReaderTimer(context)
      }
    }
  }

  private func unsentBytes(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}

/// Reports arriving bytes and the TLS handshake to a `ConnectionGuard`, from in front of the HTTP decoder.
final class ArrivalObserver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let connectionGuard: ConnectionGuard
  private let isEncrypted: Bool

  init(notifying connectionGuard: ConnectionGuard, isEncrypted: Bool) {
    self.connectionGuard = connectionGuard
    self.isEncrypted = isEncrypted
  }

  func channelActive(context: ChannelHandlerContext) {
    if isEncrypted { connectionGuard.handshakeBegan() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { connectionGuard.handshakeEnded() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // First pass the bytes on, so that the guard knows whether a request is still incomplete.
    context.fireChannelRead(data)
    connectionGuard.bytesArrived()
  }
}

@available(*, unavailable)
extension ArrivalObserver: Sendable {}
