import KeymeterHandlers
import NIOCore
import NIOHTTP1

/// Answers a connection beyond the limit with 503 before it has asked anything, and closes it.
final class ConnectionLimitHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// A TLS handshake costs too much for somebody who is turned away: that connection is closed without a word.
  private let isEncrypted: Bool

  init(isEncrypted: Bool) { self.isEncrypted = isEncrypted }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    guard !isEncrypted else {
      context.close(promise: nil)
      return
    }
    for part in ConnectionProblem.tooManyConnections.parts {
      context.write(wrapOutboundOut(part), promise: nil)
    }
    context.flush()
    context.close(promise: nil)
  }

  /// Nothing that it sends is looked at.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

@available(*, unavailable)
extension ConnectionLimitHandler: Sendable {}
