import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import keymeter

/// A connection with a `SlowClientGuard` in its place, but without a socket; its time passes when the test says so.
final class GuardedChannel {
  static let patience = TimeAmount.seconds(20)

  /// The server's, of which this connection is one.
  let shutdown = Drain(lasting: .seconds(1))
  let slowClients: SlowClientGuard
  private let channel: EmbeddedChannel
  private let loop = EmbeddedEventLoop()
  private let ends = EndRecorder()
  private var received = ""

  /// - Parameters:
  ///   - application: stands behind the guard, as the application does.
  ///   - backlog: of all connections that this one is among.
  init(_ application: [any ChannelHandler] = [], backlog: Backlog = Backlog()) throws {
    slowClients = SlowClientGuard(patience: Self.patience, drain: shutdown, backlog: backlog)
    channel = EmbeddedChannel(loop: loop)
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandlers(ends, ArrivalObserver(telling: slowClients))
    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    try pipeline.addHandler(slowClients, position: .after(decoder))
    try pipeline.addHandlers(application)
    channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
  }

  deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

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
  func arrive(_ text: String) { _ = try? channel.writeInbound(ByteBuffer(string: text)) }

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
  func fill(bytes: Int) {
    let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["content-length": "\(bytes)"])
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    channel.write(
      HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(repeating: 0x78, count: bytes))), promise: nil)
    channel.isWritable = false
    channel.pipeline.fireChannelWritabilityChanged()
  }

  /// The socket is full once more.
  func fallBehind() {
    channel.isWritable = true
    channel.pipeline.fireChannelWritabilityChanged()
    channel.isWritable = false
    channel.pipeline.fireChannelWritabilityChanged()
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
