import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOSSL

@testable import KeymeterServer

/// A connection with a `ConnectionGuard` but without a socket, on a clock that the test advances.
final class GuardedChannel {
  static let patience = TimeAmount.seconds(20)

  /// The drain of the server.
  let shutdown = Drain(lasting: .seconds(1))
  let connectionGuard: ConnectionGuard
  private let channel: EmbeddedChannel
  private let loop = EmbeddedEventLoop()
  private let ends = EndRecorder()
  /// The client's side of an encrypted connection.
  private let client: EmbeddedChannel?
  private var received = ""

  /// - Parameters:
  ///   - application: handlers behind the guard.
  ///   - writeBuffers: shared with other connections.
  ///   - encryption: nil for plain HTTP. Otherwise the handshake completes at once.
  init(
    _ application: [any ChannelHandler] = [], writeBuffers: WriteBufferLimit = WriteBufferLimit(),
    encryption: SharedKeyTLS? = nil
  ) throws {
    connectionGuard = ConnectionGuard(timeout: Self.patience, drain: shutdown, writeBuffers: writeBuffers)
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

  /// Delivers the bytes of both sides of an encrypted connection until none are left.
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

  /// Everything sent to the client so far.
  var sent: String {
    while let part = try? channel.readOutbound(as: ByteBuffer.self) { received += String(buffer: part) }
    return received
  }

  /// The number of responses sent.
  var answers: Int { sent.ranges(of: #/HTTP/1\.1 \d{3} /#).count }

  /// The server has closed its half of the connection.
  var hasEndedOutput: Bool { ends.output }
  var isClosed: Bool { !channel.isActive }

  /// The client sends text, well-formed or not.
  func arrive(_ text: String) {
    guard let client else {
      _ = try? channel.writeInbound(ByteBuffer(string: text))
      return
    }
    _ = try? client.writeOutbound(ByteBuffer(string: text))
    try? exchange()
  }

  /// The client closes its half of the connection.
  func endInput() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

  func pass(_ time: TimeAmount) { loop.advanceTime(by: time) }

  /// Runs everything that is queued on the event loop.
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

  /// The application writes a response that the socket does not take.
  ///
  /// - Parameter capacity: the size of its buffer, if larger.
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

  /// The socket has room for a moment and is then full again.
  func fallBehind() {
    channel.isWritable = true
    channel.pipeline.fireChannelWritabilityChanged()
    stopTaking()
  }

  /// The socket takes everything and has room for more.
  func catchUp() {
    channel.flush()
    channel.isWritable = true
    channel.pipeline.fireChannelWritabilityChanged()
  }

  /// The socket takes everything and is still full.
  func drain() { channel.flush() }
}

/// Records half-closing, which an embedded channel doesn't support.
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
