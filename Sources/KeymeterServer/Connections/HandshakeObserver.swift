import NIOCore
import NIOTLS

/// Notifies a `RequestTimeoutHandler` when the TLS handshake starts and ends.
final class HandshakeObserver: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let timeouts: RequestTimeoutHandler

  init(notifying timeouts: RequestTimeoutHandler) { self.timeouts = timeouts }

  func channelActive(context: ChannelHandlerContext) {
    timeouts.handshakeBegan()
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { timeouts.handshakeEnded() }
    context.fireUserInboundEventTriggered(event)
  }
}

@available(*, unavailable)
extension HandshakeObserver: Sendable {}
