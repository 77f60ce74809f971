import NIOCore
import NIOTLS

/// Tells a `RequestTimeoutHandler` when a connection's TLS handshake begins and ends.
final class HandshakeObserver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let slowClients: RequestTimeoutHandler

  init(telling slowClients: RequestTimeoutHandler) { self.slowClients = slowClients }

  func channelActive(context: ChannelHandlerContext) {
    slowClients.handshakeBegan()
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { slowClients.handshakeEnded() }
    context.fireUserInboundEventTriggered(event)
  }
}

@available(*, unavailable)
extension HandshakeObserver: Sendable {}
