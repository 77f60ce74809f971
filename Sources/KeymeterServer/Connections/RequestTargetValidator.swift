import KeymeterHandlers
import NIOCore
import NIOHTTP1

/// Replaces a request target of unknown form, so that the request is rejected in its turn.
///
/// It must come before the handler that turns an absolute URI of any scheme into a path and drops the rest.
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
