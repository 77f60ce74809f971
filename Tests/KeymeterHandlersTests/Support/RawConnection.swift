import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore

/// The bytes of a request on the wire.
enum RawRequest {
  /// The head of a request, with only `Host` added to the call's headers.
  static func head(of call: Call, adding lines: [String] = []) -> [UInt8] {
    let fields = call.headers.map { "\($0.name.rawName): \($0.value)" }
    let all = ["\(call.method.rawValue) \(call.uri) HTTP/1.1", "Host: localhost"] + fields + lines
    return Array((all.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}

extension Service {
  /// Sends bytes to a live server over a new connection and returns everything that the server sends until it
  /// closes.
  func exchange(_ bytes: [UInt8]) async throws -> String {
    try await application().test(.live) { client in
      guard let port = client.port else { throw NoPort() }
      let tap = RawTap()
      return try await TestClient.withClient(host: "localhost", port: port) { connection in
        let channel = try await connection.getChannel()
        // Before the client's HTTP handlers, which therefore see nothing.
        try await channel.pipeline.addHandler(tap, position: .first)
        try await tap.send(ByteBuffer(bytes: bytes), over: channel)
        return await tap.received()
      }
    }
  }
}

/// The server of the live test has no port.
private struct NoPort: Error {}

/// Takes the bytes from the socket before they are parsed.
private final class RawTap: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private let bytes: AsyncStream<[UInt8]>
  private let arrived: AsyncStream<[UInt8]>.Continuation

  init() { (bytes, arrived) = AsyncStream.makeStream() }

  func send(_ buffer: ByteBuffer, over channel: any Channel) async throws {
    try await channel.eventLoop.submit {
      // A server that rejects early may close before it has read everything. That is not an error here.
      try channel.pipeline.syncOperations.context(handler: self).writeAndFlush(NIOAny(buffer), promise: nil)
    }.get()
  }

  func received() async -> String {
    var all: [UInt8] = []
    for await part in bytes { all += part }
    return String(decoding: all, as: UTF8.self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    arrived.yield(Array(unwrapInboundIn(data).readableBytesView))
  }

  func channelInactive(context: ChannelHandlerContext) { arrived.finish() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { arrived.finish() }
}
