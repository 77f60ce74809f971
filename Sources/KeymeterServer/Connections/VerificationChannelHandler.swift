import HTTPTypes
import KeymeterDomain
import KeymeterHandlers
import Logging
import NIOCore
import NIOHTTPTypes

/// Answers verifications in the channel itself, and hands everything else on to the application.
///
/// A connection's answers keep the order of its requests: a verification waits until the application has answered what
/// came before, and whatever comes behind a verification waits here. So does a verification whose client hasn't taken
/// the answers before. No more is read from the socket meanwhile, so that a client which sends without waiting, or without
/// reading, takes no memory.
final class VerificationChannelHandler: ChannelDuplexHandler, RemovableChannelHandler {
  /// Requests, a part at a time.
  typealias InboundIn = HTTPRequestPart
  /// The parts of those requests that are no verifications.
  typealias InboundOut = HTTPRequestPart
  /// The application's answers.
  typealias OutboundIn = HTTPResponsePart
  /// All answers.
  typealias OutboundOut = HTTPResponsePart

  /// A verification that has not been answered, or whose body has not ended.
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
  /// The other end's address, read once a connection.
  private var peer: IPAddress?
  private var knowsPeer = false
  private var exchange: Exchange?
  private var lastNumber = 0
  /// Requests that were handed on and whose answers are not complete.
  private var handedOn = 0
  /// How many parts the application was given in all.
  private var partsHandedOn = 0
  /// What has come and can't be looked at yet.
  private var held = CircularBuffer<HTTPRequestPart>()
  private var holdsInputClosed = false
  private var heldError: (any Error)?
  private var holdsRead = false

  /// The handler of one connection; it stands behind what counts requests, and before the application.
  init(responder: KeymeterResponder, date: DateField, logger: Logger) {
    self.responder = responder
    self.date = date
    self.logger = logger
  }

  /// Whether something has to wait for its turn.
  private var isBusy: Bool { exchange != nil || !held.isEmpty }

  /// Takes a part of a request, or keeps it until its turn comes.
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
        handedOn += 1
        return handOn(part, context)
      }
      if mustWait(context) { held.prepend(part) } else { begin(request, source, context) }
    case .body, .end:
      guard exchange != nil else { return handOn(part, context) }
      // A verification's body is nobody's business.
      guard case .end = part else { return }
      exchange?.hasEnded = true
      goOn(context)
    }
  }

  /// Whether no verification can begin: answers before it are owed, or the client doesn't take them.
  private func mustWait(_ context: ChannelHandlerContext) -> Bool {
    handedOn > 0 || !context.channel.isWritable
  }

  private func handOn(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
    partsHandedOn &+= 1
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
      // Also when called at once: the parts that follow are still to be read.
      loop.execute {
        let (handler, context) = bound.value
        handler.finish(number, answer, context)
      }
    }
  }

  /// Whether nothing more can follow on the connection: the client says so, or asks for another protocol, which isn't
  /// spoken here and before which the parser stops reading requests.
  private static func endsConnection(_ request: HTTPRequest) -> Bool {
    guard let connection = request.headerFields[.connection] else { return request.method == .connect }
    return request.headerFields[.upgrade] != nil || request.method == .connect
      || connection.utf8.split(separator: UInt8(ascii: ",")).contains { token in
        Substring(token).trimmingBlanks().lowercased() == "close"
      }
  }

  private func finish(_ number: Int, _ make: () -> BufferedResponse, _ context: ChannelHandlerContext) {
    // Nobody is there any more to be answered.
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
      // The rest of this request can't be told from what follows.
      context.close(promise: nil)
    } else {
      goOn(context)
    }
  }

  /// Looks at what has waited, as far as its turn has come.
  private func goOn(_ context: ChannelHandlerContext) {
    let before = partsHandedOn
    takeHeld(context)
    // The application looks at what it was given only then.
    if partsHandedOn != before { context.fireChannelReadComplete() }
  }

  private func takeHeld(_ context: ChannelHandlerContext) {
    while true {
      if let exchange {
        if exchange.hasEnded {
          guard exchange.isAnswered, !exchange.closes else { return }
          self.exchange = nil
        } else if held.isEmpty {
          // The rest of its body is still to come.
          return readOn(context)
        }
      }
      guard let part = held.first else { break }
      if case .head(let request) = part, KeymeterResponder.verification(request) != nil, mustWait(context) {
        return
      }
      take(held.removeFirst(), context)
    }
    release(context)
  }

  /// Lets through what was held back while something waited.
  private func release(_ context: ChannelHandlerContext) {
    let (inputClosed, error) = (holdsInputClosed, heldError)
    (holdsInputClosed, heldError) = (false, nil)
    if inputClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
    if let error { context.fireErrorCaught(error) }
    readOn(context)
  }

  private func readOn(_ context: ChannelHandlerContext) {
    guard holdsRead else { return }
    holdsRead = false
    context.read()
  }

  /// Counts the application's answers.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    context.write(data, promise: promise)
    handedOn = max(0, handedOn - 1)
    if handedOn == 0, !held.isEmpty { goOn(context) }
  }

  /// Looks at what has waited for the client to take its answers.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, !held.isEmpty { goOn(context) }
    context.fireChannelWritabilityChanged()
  }

  /// Reads on, unless what has been read already still waits.
  func read(context: ChannelHandlerContext) {
    guard held.isEmpty, exchange?.hasEnded != true else {
      holdsRead = true
      return
    }
    context.read()
  }

  /// Holds the end of the client's input back, or its answer could not be written.
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard isBusy, case .inputClosed? = event as? ChannelEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    holdsInputClosed = true
  }

  /// What is wrong behind a verification does not concern its answer.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard isBusy else { return context.fireErrorCaught(error) }
    heldError = error
    if exchange?.isAnswered == true, exchange?.hasEnded == false { context.close(promise: nil) }
  }

  /// Forgets what nobody waits for any more.
  func channelInactive(context: ChannelHandlerContext) {
    exchange = nil
    held.removeAll()
    context.fireChannelInactive()
  }
}

@available(*, unavailable)
extension VerificationChannelHandler: Sendable {}
