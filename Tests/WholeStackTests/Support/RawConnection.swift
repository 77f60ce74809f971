import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection that sends just the bytes that a test gives it, and keeps what comes back.
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
      .connectTimeout(.seconds(20))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(received) }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RawConnection(channel: channel, received: received)
  }

  /// A port of this machine that nobody listens on at the moment.
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

  /// What has come back so far.
  var text: String { received.text }

  /// How many answers have begun to come.
  var answers: Int { received.answers }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  /// Says that nothing more will be sent, and goes on listening.
  func endSending() async throws { try await channel.close(mode: .output) }

  /// No longer takes in what the server sends.
  func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

  /// Takes it in again.
  func resumeReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

  func close() async { try? await channel.close() }

  /// Sends one byte after another, until the server ends the connection or they are all sent.
  func trickle(_ text: String, every interval: Duration) async throws {
    for byte in text.utf8 {
      guard isOpen else { return }
      try? await send([byte])
      try await Task.sleep(for: interval)
    }
  }

  /// Waits until the server has ended the connection; gives all that it sent.
  func untilClosed(within limit: Duration) async throws -> String {
    try await waiting(limit, "the server to end the connection") { !self.isOpen }
  }

  /// Waits until so many answers have come.
  func untilAnswers(_ count: Int, within limit: Duration) async throws -> String {
    try await waiting(limit, "\(count) answers") { self.received.answers >= count }
  }

  private func waiting(
    _ limit: Duration, _ what: String, _ isOver: () -> Bool
  ) async throws -> String {
    let end = ContinuousClock.now.advanced(by: limit)
    while !isOver() {
      guard ContinuousClock.now < end else {
        throw TestFailure("waited too long for \(what); so far: \(text.suffix(500))")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return text
  }
}

/// Collects what a connection receives.
private final class Received: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private struct State {
    var bytes: [UInt8] = []
    var hasEnded = false
  }

  private let state = Mutex(State())

  var hasEnded: Bool { state.withLock { $0.hasEnded } }
  var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
  var answers: Int { text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: true).count }

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
