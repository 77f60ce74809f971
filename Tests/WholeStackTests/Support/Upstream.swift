import KeymeterTesting
import NIOCore
import NIOHTTP1
import NIOPosix

/// The service behind a gateway: a server in this process that records every request.
final class Upstream: Sendable {
  struct Request: Sendable {
    let head: HTTPRequestHead
    let body: String
  }

  let port: Int
  private let log: RequestLog

  private init(port: Int, log: RequestLog) {
    self.port = port
    self.log = log
  }

  /// The requests that have reached it so far.
  var requests: [Request] { log.requests.value }

  /// Runs `body` with a new server.
  static func with(_ body: (Upstream) async throws -> Void) async throws {
    let log = RequestLog()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 256)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(UpstreamHandler(log))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    guard let port = channel.localAddress?.port else { throw TestFailure("the upstream has no port") }
    do {
      try await body(Upstream(port: port, log: log))
    } catch {
      try? await channel.close()
      throw error
    }
    try await channel.close()
  }
}

/// The requests, in order.
private final class RequestLog: Sendable {
  let requests = Shared<[Upstream.Request]>([])
}

/// Answers 200 to everything.
private final class UpstreamHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let log: RequestLog
  private var head: HTTPRequestHead?
  private var body = ""

  init(_ log: RequestLog) { self.log = log }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): (self.head, body) = (head, "")
    case .body(let part): body += String(buffer: part)
    case .end:
      guard let head else { return }
      log.requests.append(Upstream.Request(head: head, body: body))
      let answer = ByteBuffer(string: "from the upstream")
      let headers = HTTPHeaders([("Content-Length", "\(answer.readableBytes)")])
      let response = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
      context.write(wrapOutboundOut(.head(response)), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(answer))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}

@available(*, unavailable)
extension UpstreamHandler: Sendable {}
