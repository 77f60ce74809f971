import NIOCore
import NIOHTTP1

/// Closes the connection after the response to its final request.
///
/// The final request is one with `Connection: close` or HTTP/1.0, or one that asks for an upgrade: Keymeter
/// doesn't upgrade, but the parser stops after such a request. Later handlers and the client see only
/// `Connection: close`. This handler must come directly after the HTTP decoder, because only the decoder
/// knows the version.
///
/// HTTP/1.0 connections are never kept alive, even if the client asks for it: a response of unknown length
/// ends only with the connection. These clients get an HTTP/1.0 response, and so no chunks.
final class ConnectionCloseHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// The number of responses not yet sent, including the last one.
  private var answersOwed = 0
  private var isLastReceived = false
  private var isOfHTTP10 = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    answersOwed += 1
    guard Self.isLast(head) else { return context.fireChannelRead(data) }
    isLastReceived = true
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
    case .head(var head) where isLastReceived && answersOwed == 1:
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
