import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A TCP connection that sends exactly the given bytes and records the response bytes.
final class RawConnection: Sendable {
  private let channel: any Channel
  private let received: Received

  private init(channel: any Channel, received: Received) {
    self.channel = channel
    self.received = received
  }

  /// Connects to a server on this machine.
  static func open(port: Int) async throws -> RawConnection {
    let received = Received()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connectTimeout(.seconds(120))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(received) }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RawConnection(channel: channel, received: received)
  }

  /// Opens `count` connections, a hundred at a time.
  static func open(_ count: Int, port: Int) async throws -> [RawConnection] {
    var connections: [RawConnection] = []
    while connections.count < count {
      connections += try await concurrently(min(100, count - connections.count)) { _ in
        try await open(port: port)
      }
    }
    return connections
  }

  /// Sends one request on a new connection and returns the bytes that come until the server closes it.
  static func exchange(_ request: String, port: Int) async throws -> String {
    let connection = try await open(port: port)
    // The server may close the connection before it has read the whole request.
    try? await connection.send(request)
    let response = try await connection.untilClosed()
    await connection.close()
    return response
  }

  /// A port of this machine on which no process listens at the moment.
  static func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port
    try await channel.close()
    guard let port else { throw TestFailure("no port is free") }
    return port
  }

  /// Whether the server has neither closed nor half-closed it.
  var isOpen: Bool { channel.isActive && !received.hasEnded }

  /// The bytes received so far, as text.
  var text: String { received.text }

  /// How many responses have begun.
  var responses: Int { received.responses }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  /// Closes the sending half.
  func endSending() async throws { try await channel.close(mode: .output) }

  /// Stops reading from the socket.
  func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

  func resumeReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

  func close() async { try? await channel.close() }

  /// Sends one byte after another until the server closes the connection.
  func trickle(_ byte: UInt8, every interval: Duration) async throws {
    while isOpen {
      try? await send([byte])
      try await Task.sleep(for: interval)
    }
  }

  /// Waits until the server closes the connection, and returns all that it sent.
  func untilClosed() async throws -> String {
    try await wait(for: "the server to close the connection") { !self.isOpen }
  }

  /// Waits until `count` responses have begun.
  @discardableResult
  func untilResponses(_ count: Int) async throws -> String {
    try await wait(for: "\(count) responses") { self.received.responses >= count }
  }

  private func wait(for what: String, _ isOver: () -> Bool) async throws -> String {
    let end = ContinuousClock.now + patience
    while !isOver() {
      guard ContinuousClock.now < end else {
        throw TestFailure("timed out waiting for \(what), received \(text.suffix(500))")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return text
  }
}

/// Records the bytes of a connection.
private final class Received: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private struct State {
    var bytes: [UInt8] = []
    var responses = 0
    /// Where the search for the next status line starts.
    var searched = 0
    var hasEnded = false

    /// Counts only what is new: a test may receive millions of bytes.
    mutating func countResponses() {
      bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return }
        while let found = memchr(start + searched, Int32(UInt8(ascii: "H")), buffer.count - searched) {
          let offset = UnsafeRawPointer(found) - start
          // The rest of a status line may not have arrived yet.
          guard offset + 7 <= buffer.count else { return searched = offset }
          if memcmp(found, "HTTP/1.", 7) == 0 { responses += 1 }
          searched = offset + 1
        }
        searched = buffer.count
      }
    }
  }

  private let state = Mutex(State())

  var hasEnded: Bool { state.withLock { $0.hasEnded } }
  var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
  var responses: Int {
    state.withLock { state in
      state.countResponses()
      return state.responses
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    state.withLock { $0.bytes.append(contentsOf: buffer.readableBytesView) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent { end() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) { end() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end()
    context.close(promise: nil)
  }

  private func end() { state.withLock { $0.hasEnded = true } }
}
