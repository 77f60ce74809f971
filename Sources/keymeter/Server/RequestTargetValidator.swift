import KeymeterHandlers
import NIOCore
import NIOHTTP1

/// Takes away a request's target whose form is unknown, so that the request is refused when its turn comes.
///
/// It sits before what makes a path of any address, of whatever scheme, and keeps nothing else of it.
final class RequestTargetValidator: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data),
      !RequestTarget.hasKnownForm(head.uri, method: head.method.rawValue)
    else { return context.fireChannelRead(data) }
    head.uri = RequestTarget.unknown
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }
}

@available(*, unavailable)
extension RequestTargetValidator: Sendable {}
