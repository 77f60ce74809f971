import HTTPTypes
import KeymeterDomain
import KeymeterHandlers
import Logging
import NIOCore
import NIOHTTPTypes

/// Answers verifications in the channel itself, and passes all other requests on to the application.
///
/// Responses keep the order of the requests. A verification waits until the application has answered the
/// requests before it, and until the client has read its earlier responses. Parts that follow a verification
/// wait in this handler. While something waits, the socket isn't read (backpressure), so a client that only
/// sends or never reads takes no memory.
final class VerificationChannelHandler: ChannelDuplexHandler, RemovableChannelHandler {
  /// Request parts.
  typealias InboundIn = HTTPRequestPart
  /// The parts of requests that aren't verifications.
  typealias InboundOut = HTTPRequestPart
  /// The application's response parts.
  typealias OutboundIn = HTTPResponsePart
  /// All response parts.
  typealias OutboundOut = HTTPResponsePart

  /// A verification that has not been answered, or whose body is still arriving.
  private struct Exchange {
    let number: Int
    let isHead: Bool
    let closes: Bool
    var isAnswered = false
    var hasEnded = false
  }

  private let responder: KeymeterResponder
  private let date: DateField
  private let logger: Logger
  /// The peer's address, read once per connection.
  private var peer: IPAddress?
  private var knowsPeer = false
  private var exchange: Exchange?
  private var lastNumber = 0
  /// The number of requests passed on whose responses are not complete.
  private var passedOn = 0
  /// The total number of parts passed on to the application.
  private var partsPassedOn = 0
  /// The parts that wait for their turn.
  private var held = CircularBuffer<HTTPRequestPart>()
  private var holdsInputClosed = false
  private var heldError: (any Error)?
  private var holdsRead = false

  /// Creates the handler of one connection.
  ///
  /// It sits after the handler that counts requests, and before the application.
  init(responder: KeymeterResponder, date: DateField, logger: Logger) {
    self.responder = responder
    self.date = date
    self.logger = logger
  }

  /// Whether anything is waiting for its turn.
  private var isBusy: Bool { exchange != nil || !held.isEmpty }

  /// Processes a request part, or queues it until its turn.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    guard held.isEmpty, exchange?.hasEnded != true else {
      held.append(part)
      return
    }
    take(part, context)
  }

  private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
    switch part {
    case .head(let request):
      guard let source = KeymeterResponder.verification(request) else {
        passedOn += 1
        return passOn(part, context)
      }
      if mustWait(context) { held.prepend(part) } else { begin(request, source, context) }
    case .body, .end:
      guard exchange != nil else { return passOn(part, context) }
      // Ignore the request body.
      guard case .end = part else { return }
      exchange?.hasEnded = true
      proceed(context)
    }
  }

  /// Whether a verification must wait: earlier responses are owed, or the client isn't reading.
  private func mustWait(_ context: ChannelHandlerContext) -> Bool {
    passedOn > 0 || !context.channel.isWritable
  }

  private func passOn(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
    partsPassedOn &+= 1
    context.fireChannelRead(wrapInboundOut(part))
  }

  private func begin(_ request: HTTPRequest, _ source: Verify.TermsSource, _ context: ChannelHandlerContext) {
    lastNumber += 1
    let number = lastNumber
    exchange = Exchange(
      number: number, isHead: request.method == .head, closes: Self.endsConnection(request))
    if !knowsPeer {
      peer = context.remoteAddress.flatMap { IPAddress($0) }
      knowsPeer = true
    }
    let loop = context.eventLoop
    let bound = NIOLoopBound((self, context), eventLoop: loop)
    responder.answer(request, source, peer: peer, logger: logger) { answer in
      // Even if called synchronously, because the parts that follow have not been read yet.
      loop.execute {
        let (handler, context) = bound.value
        handler.finish(number, answer, context)
      }
    }
  }

  /// Whether this is the connection's last request: the client says so, or asks for an upgrade, which is not
  /// supported and stops the parser.
  private static func endsConnection(_ request: HTTPRequest) -> Bool {
    guard let connection = request.headerFields[.connection] else { return request.method == .connect }
    return request.headerFields[.upgrade] != nil || request.method == .connect
      || connection.utf8.split(separator: UInt8(ascii: ",")).contains { token in
        Substring(token).trimmingBlanks().lowercased() == "close"
      }
  }

  private func finish(_ number: Int, _ make: () -> BufferedResponse, _ context: ChannelHandlerContext) {
    // The client is gone.
    guard let exchange, exchange.number == number, context.channel.isActive else { return }
    var answer = make()
    let length = String(answer.body.readableBytes)
    answer.head.headerFields.append(HTTPField(name: .contentLength, value: length))
    answer.head.headerFields.append(HTTPField(name: .date, value: date.current))
    context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
    if !exchange.isHead { context.write(wrapOutboundOut(.body(answer.body)), promise: nil) }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    self.exchange?.isAnswered = true
    if exchange.closes {
      context.close(mode: .output, promise: nil)
    } else if heldError != nil, !exchange.hasEnded {
      // The end of this request can't be found in the input any more.
      context.close(promise: nil)
    } else {
      proceed(context)
    }
  }

  /// Processes queued parts whose turn has come.
  private func proceed(_ context: ChannelHandlerContext) {
    let before = partsPassedOn
    takeHeld(context)
    // The application processes its input only after this event.
    if partsPassedOn != before { context.fireChannelReadComplete() }
  }

  private func takeHeld(_ context: ChannelHandlerContext) {
    while true {
      if let exchange {
        if exchange.hasEnded {
          guard exchange.isAnswered, !exchange.closes else { return }
          self.exchange = nil
        } else if held.isEmpty {
          // The rest of its body is still to arrive.
          return resumeReading(context)
        }
      }
      guard let part = held.first else { break }
      if case .head(let request) = part, mustWait(context), KeymeterResponder.verification(request) != nil {
        return
      }
      take(held.removeFirst(), context)
    }
    release(context)
  }

  /// Forwards the events that were held back.
  private func release(_ context: ChannelHandlerContext) {
    let (inputClosed, error) = (holdsInputClosed, heldError)
    (holdsInputClosed, heldError) = (false, nil)
    if inputClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
    if let error { context.fireErrorCaught(error) }
    resumeReading(context)
  }

  private func resumeReading(_ context: ChannelHandlerContext) {
    guard holdsRead else { return }
    holdsRead = false
    context.read()
  }

  /// Counts the application's responses.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    context.write(data, promise: promise)
    passedOn = max(0, passedOn - 1)
    if passedOn == 0, !held.isEmpty { proceed(context) }
  }

  /// Processes parts that waited for the client to read.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, !held.isEmpty { proceed(context) }
    context.fireChannelWritabilityChanged()
  }

  /// Reads, unless earlier input still waits.
  func read(context: ChannelHandlerContext) {
    guard held.isEmpty, exchange?.hasEnded != true else {
      holdsRead = true
      return
    }
    context.read()
  }

  /// Holds back the end of the input, or the pending response could not be written.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard isBusy, case .inputClosed? = event as? ChannelEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    holdsInputClosed = true
  }

  /// Holds back errors after a verification, because they don't concern its response.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard isBusy else { return context.fireErrorCaught(error) }
    heldError = error
    if exchange?.isAnswered == true, exchange?.hasEnded == false { context.close(promise: nil) }
  }

  /// Drops the state of a closed connection.
  func channelInactive(context: ChannelHandlerContext) {
    exchange = nil
    held.removeAll()
    context.fireChannelInactive()
  }
}

@available(*, unavailable)
extension VerificationChannelHandler: Sendable {}
