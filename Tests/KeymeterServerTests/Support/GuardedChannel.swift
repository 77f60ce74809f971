import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOSSL

@testable import KeymeterServer

/// A connection with a `ConnectionGuard` in its place, but without a socket; its time passes when the test says so.
final class GuardedChannel {
  static let patience = TimeAmount.seconds(20)

  /// The server's, of which this connection is one.
  let shutdown = Drain(lasting: .seconds(1))
  let connectionGuard: ConnectionGuard
  private let channel: EmbeddedChannel
  private let loop = EmbeddedEventLoop()
  private let ends = EndRecorder()
  /// The client's end of an encrypted connection.
  private let client: EmbeddedChannel?
  private var received = ""

  /// - Parameters:
  ///   - application: stands behind the guard, as the application does.
  ///   - backlog: of all connections that this one is among.
  ///   - encryption: how the connection is encrypted; `nil` for not at all. The handshake is over then.
  init(
    _ application: [any ChannelHandler] = [], backlog: WriteBufferLimit = WriteBufferLimit(),
    encryption: SharedKeyTLS? = nil
  ) throws {
    connectionGuard = ConnectionGuard(timeout: Self.patience, drain: shutdown, writeBuffers: backlog)
    channel = EmbeddedChannel(loop: loop)
    let pipeline = channel.pipeline.syncOperations
    client = try encryption.map { [loop] in EmbeddedChannel(handler: try $0.client, loop: loop) }
    try pipeline.addHandler(ends)
    if let encryption { try pipeline.addHandler(encryption.server) }
    try pipeline.addHandler(ArrivalObserver(notifying: connectionGuard, isEncrypted: false))
    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    try pipeline.addHandler(connectionGuard, position: .after(decoder))
    try pipeline.addHandlers(application)
    let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
    channel.connect(to: address, promise: nil)
    client?.connect(to: address, promise: nil)
    try exchange()
  }

  /// Brings each end of an encrypted connection what the other has sent, until neither has more.
  private func exchange() throws {
    guard let client else { return }
    while true {
      let (sent, answered) = (
        try client.readOutbound(as: ByteBuffer.self), try channel.readOutbound(as: ByteBuffer.self)
      )
      if sent == nil && answered == nil { return }
      if let sent { try channel.writeInbound(sent) }
      if let answered { try client.writeInbound(answered) }
    }
  }

  deinit {
    channel.close(promise: nil)
    // TLS waits for the other end to say that it has closed, too.
    loop.advanceTime(by: .seconds(60))
    _ = try? channel.finish(acceptAlreadyClosed: true)
  }

  /// What the client has been sent so far.
  var sent: String {
    while let part = try? channel.readOutbound(as: ByteBuffer.self) { received += String(buffer: part) }
    return received
  }

  /// How often the client has been answered.
  var answers: Int { sent.ranges(of: #/HTTP/1\.1 \d{3} /#).count }

  /// The server has said that it will send no more.
  var hasEndedOutput: Bool { ends.output }
  /// The connection is closed.
  var isClosed: Bool { !channel.isActive }

  /// The client sends something, well-formed or not.
  func arrive(_ text: String) {
    guard let client else {
      _ = try? channel.writeInbound(ByteBuffer(string: text))
      return
    }
    _ = try? client.writeOutbound(ByteBuffer(string: text))
    try? exchange()
  }

  /// The client ends its half of the connection.
  func endInput() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

  func pass(_ time: TimeAmount) { loop.advanceTime(by: time) }

  /// What waits for its turn on the event loop has it.
  func settle() { loop.run() }

  /// The application answers one request.
  func answer(_ status: HTTPResponseStatus = .ok) throws {
    try beginAnswer(status)
    try endAnswer()
  }

  func beginAnswer(_ status: HTTPResponseStatus = .ok) throws {
    let head = HTTPResponseHead(version: .http1_1, status: status, headers: ["content-length": "0"])
    try channel.writeOutbound(HTTPServerResponsePart.head(head))
  }

  func endAnswer() throws { try channel.writeOutbound(HTTPServerResponsePart.end(nil)) }

  /// The application closes the connection.
  func close() { channel.close(promise: nil) }

  /// An answer is written that the socket does not take.
  ///
  /// - Parameter capacity: how much memory holds it, if more.
  func fill(bytes: Int, of capacity: Int = 0) {
    var body = ByteBufferAllocator().buffer(capacity: max(bytes, capacity))
    body.writeRepeatingByte(0x78, count: bytes)
    let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "\(bytes)"])
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
    channel.isWritable = false
    channel.pipeline.fireChannelWritabilityChanged()
  }

  /// The socket is full.
  func stopTaking() {
    channel.isWritable = false
    channel.pipeline.fireChannelWritabilityChanged()
  }

  /// The socket is full once more.
  func fallBehind() {
    channel.isWritable = true
    channel.pipeline.fireChannelWritabilityChanged()
    stopTaking()
  }

  /// The socket takes all that was written to it, and could take more.
  func catchUp() {
    channel.flush()
    channel.isWritable = true
    channel.pipeline.fireChannelWritabilityChanged()
  }

  /// The socket takes all that was written to it, but goes on being full.
  func drain() { channel.flush() }
}

/// Notes how a connection ends; an embedded channel knows no half-closed ones.
private final class EndRecorder: ChannelOutboundHandler {
  typealias OutboundIn = Any

  private(set) var output = false

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .output else {
      context.close(mode: mode, promise: promise)
      return
    }
    output = true
    promise?.succeed()
  }
}
