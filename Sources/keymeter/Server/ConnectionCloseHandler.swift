import NIOCore
import NIOHTTP1

/// Has a connection end with the answer to its last request, however that one was told to be the last.
///
/// Such is a request whose client wants no further ones, or speaks HTTP/1.0; and one that asks for another protocol,
/// which isn't spoken here, for the parser reads no requests behind it. Everybody further on is told so in one form,
/// `Connection: close`, and so is the client. It sits right behind the HTTP decoder, which alone knows the version.
///
/// HTTP/1.0 is never kept alive, not even where the client asks for it: the end of the connection is all that ends an
/// answer there whose length isn't known. Such a client is answered in its own version, and so without chunks.
final class ConnectionCloseHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// How many answers are owed, the last one included.
  private var answersOwed = 0
  private var hasCome = false
  private var isOfHTTP10 = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    answersOwed += 1
    guard Self.isLast(head) else { return context.fireChannelRead(data) }
    hasCome = true
    isOfHTTP10 = head.version == .http1_0
    head.headers.replaceOrAdd(name: "Connection", value: "close")
    head.headers.remove(name: "Upgrade")
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  private static func isLast(_ head: HTTPRequestHead) -> Bool {
    guard head.version == .http1_1, head.isKeepAlive, head.method != .CONNECT else { return true }
    return head.headers.contains(name: "Upgrade")
      && head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head) where hasCome && answersOwed == 1:
      head.headers.replaceOrAdd(name: "Connection", value: "close")
      if isOfHTTP10 { head.version = .http1_0 }
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .end:
      answersOwed -= 1
      context.write(data, promise: promise)
    case .head, .body: context.write(data, promise: promise)
    }
  }
}

@available(*, unavailable)
extension ConnectionCloseHandler: Sendable {}
