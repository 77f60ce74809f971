import KeymeterHandlers
import NIOCore
import NIOHTTP1

/// Rejects a connection beyond the limit: sends 503 before reading a request, and closes it.
final class ConnectionLimitHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// A TLS handshake would be too expensive, so an encrypted connection is closed without a response.
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

  /// Ignores all input.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

@available(*, unavailable)
extension ConnectionLimitHandler: Sendable {}
