import HTTPTypes
import KeymeterHandlers
import NIOCore
import NIOHTTP1
import Synchronization

/// Counts open connections and bounds their number.
final class ConnectionCount: Sendable {
  let limit: Int
  private let open = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// Counts an accepted connection until `leave` is called for it.
  ///
  /// - Returns: whether it is within the limit.
  func enter() -> Bool { open.wrappingAdd(1, ordering: .relaxed).newValue <= limit }

  func leave() { open.wrappingSubtract(1, ordering: .relaxed) }

  /// Open connections, including those beyond the limit that are being rejected.
  var count: Int { open.load(ordering: .relaxed) }
}

/// Rejects a connection beyond the limit with 503 and closes it.
final class ConnectionLimitHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// A TLS handshake costs too much for a rejected client, so that connection is closed without a response.
  private let isEncrypted: Bool

  init(isEncrypted: Bool) { self.isEncrypted = isEncrypted }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    if !isEncrypted {
      for part in BufferedResponse.tooManyConnections.parts {
        context.write(wrapOutboundOut(part), promise: nil)
      }
      context.flush()
    }
    context.close(promise: nil)
  }

  /// Ignores everything the client sends.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

@available(*, unavailable)
extension ConnectionLimitHandler: Sendable {}

extension BufferedResponse {
  /// The response as parts for the HTTP encoder.
  var parts: [HTTPServerResponsePart] {
    let fields = head.headerFields.map { ($0.name.canonicalName, $0.value) }
    let start = HTTPResponseHead(
      version: .http1_1, status: .init(statusCode: head.status.code), headers: HTTPHeaders(fields))
    return [.head(start), .body(.byteBuffer(body)), .end(nil)]
  }
}
