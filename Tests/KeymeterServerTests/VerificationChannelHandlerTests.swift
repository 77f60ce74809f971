import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import Testing

@testable import KeymeterHandlers
@testable import KeymeterServer

@Suite("Verification in the channel", .timeLimit(.minutes(10)))
struct VerificationChannelHandlerTests {
  @Test("A verification gets a complete response and never reaches the application")
  func answers() async throws {
    let connection = try await Connection()
    try await connection.send(.verify)
    connection.admission.releaseAll()
    let answer = try await connection.nextAnswer()
    #expect(answer.status == .unauthorized)
    #expect(answer.body.contains("authentication_failed"))
    #expect(answer.headers[.contentLength] == String(answer.body.utf8.count))
    #expect(answer.headers[.requestID] != nil)
    #expect(answer.headers[.date]?.hasSuffix(" GMT") == true)
    #expect(try await connection.channel.readInbound(as: HTTPRequestPart.self) == nil)
  }

  @Test("HEAD gets no body")
  func head() async throws {
    let connection = try await Connection()
    try await connection.send(.verify, method: .head)
    connection.admission.releaseAll()
    let answer = try await connection.nextAnswer()
    #expect(answer.status == .unauthorized)
    #expect(answer.body.isEmpty)
  }

  @Test("A verification after an application request waits for that response")
  func waitsForTheApplication() async throws {
    let connection = try await Connection()
    try await connection.send(.other)
    try await connection.send(.verify)
    #expect(connection.admission.waiting == 0, "it must not be judged before its turn")
    #expect(try await connection.handedOn() == ["/other"])

    try await connection.applicationAnswers()
    #expect(try await connection.nextAnswer().status == .noContent)
    connection.admission.releaseAll()
    #expect(try await connection.nextAnswer().status == .unauthorized)
  }

  @Test("Requests after a verification wait for its response and keep their order")
  func holdsWhatFollows() async throws {
    let connection = try await Connection()
    try await connection.send(.verify)
    try await connection.send(.other)
    try await connection.send(.verify)
    #expect(connection.admission.waiting == 1)
    #expect(try await connection.handedOn() == [])

    connection.admission.releaseAll()
    #expect(try await connection.nextAnswer().status == .unauthorized)
    #expect(try await connection.handedOn() == ["/other"])
    #expect(connection.admission.waiting == 0)
    try await connection.applicationAnswers()
    #expect(try await connection.nextAnswer().status == .noContent)
    connection.admission.releaseAll()
    #expect(try await connection.nextAnswer().status == .unauthorized)
  }

  @Test("A thousand pipelined verifications are answered in order, and reading pauses until the end")
  func manyAtOnce() async throws {
    let connection = try await Connection()
    for _ in 0..<1_000 { try await connection.send(.verify) }
    let reads = connection.reads.count
    try await connection.channel.testingEventLoop.executeInContext { connection.channel.read() }
    #expect(connection.reads.count == reads)
    for _ in 0..<1_000 {
      #expect(connection.admission.waiting == 1)
      connection.admission.releaseAll()
      #expect(try await connection.nextAnswer().status == .unauthorized)
    }
    #expect(connection.reads.count == reads + 1, "reading resumes at the end")
  }

  @Test("The response does not wait for the body, which is ignored, and the next request does")
  func ignoresTheBody() async throws {
    let connection = try await Connection()
    try await connection.channel.writeInbound(HTTPRequestPart.head(Connection.request(.verify, .post)))
    connection.admission.releaseAll()
    #expect(try await connection.nextAnswer().status == .unauthorized)
    for _ in 0..<3 {
      try await connection.channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "GET / HTTP/1.1")))
    }
    try await connection.channel.writeInbound(HTTPRequestPart.end(nil))
    #expect(try await connection.handedOn() == [])
    try await connection.send(.other)
    #expect(try await connection.handedOn() == ["/other"])
  }

  @Test("A client that has closed its input still gets its response before the application sees the event")
  func inputClosed() async throws {
    let connection = try await Connection()
    try await connection.send(.verify)
    try await connection.closeInput()
    #expect(connection.events.count == 0)
    connection.admission.releaseAll()
    #expect(try await connection.nextAnswer().status == .unauthorized)
    #expect(connection.events.count == 1)
  }

  @Test("Connection: close ends the connection after the response")
  func closes() async throws {
    let connection = try await Connection()
    try await connection.send(.verify, headers: [.connection: "close"])
    connection.admission.releaseAll()
    #expect(try await connection.nextAnswer().status == .unauthorized)
    #expect(connection.outputCloses.count == 1)
  }

  @Test("An address with too many failures is rejected without a look at the key")
  func tooManyFailures() async throws {
    let connection = try await Connection(watch: Self.twoFailures)
    for _ in 0..<2 {
      try await connection.send(.verify)
      connection.admission.releaseAll()
      #expect(try await connection.nextAnswer().status == .unauthorized)
    }
    try await connection.send(.verify)
    #expect(connection.admission.waiting == 0)
    let answer = try await connection.nextAnswer()
    #expect(answer.status == .tooManyRequests)
    #expect(answer.headers.first { $0.name.canonicalName == "retry-after" }?.value == "30")
    #expect(answer.body.contains("too_many_failures"))
  }

  @Test("A failure counts even if the client disconnects before the response")
  func goneFailures() async throws {
    let watch = Self.twoFailures
    for _ in 0..<2 {
      let connection = try await Connection(watch: watch)
      try await connection.send(.verify)
      try await connection.channel.close()
      connection.admission.releaseAll()
    }
    let connection = try await Connection(watch: watch)
    try await connection.send(.verify)
    #expect(try await connection.nextAnswer().status == .tooManyRequests)
  }

  private static var twoFailures: AuthFailureLimiter {
    let clock = SteppingClock()
    return AuthFailureLimiter(
      proxies: TrustedProxies([]),
      limiter: FailureRateLimiter(failuresPerMinute: 2, capacity: 8) { clock.now })
  }

  @Test("A response for a closed connection is dropped")
  func goneConnection() async throws {
    let connection = try await Connection()
    try await connection.send(.verify)
    try await connection.channel.close()
    connection.admission.releaseAll()
    await connection.channel.testingEventLoop.run()
    #expect(try await connection.channel.readOutbound(as: HTTPResponsePart.self) == nil)
  }
}

/// A channel with the handler between socket and application.
private struct Connection {
  enum Path: String {
    case verify = "/api/v1/verify"
    case other = "/other"
  }

  struct Reply {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body = ""
  }

  let channel = NIOAsyncTestingChannel()
  let admission = GatedAdmission()
  let reads = Tally()
  let events = Tally()
  let outputCloses = Tally()

  init(watch: AuthFailureLimiter = AuthFailureLimiter()) async throws {
    let store = InMemoryStore { Timestamp(microseconds: 1_800_000_000_000_000) }
    let peppers = try PepperSet.test
    let responder = KeymeterRouter(
      keys: KeyService(store: store, peppers: peppers),
      usage: UsageService(admission: admission, store: store, peppers: peppers),
      limiter: watch,
      readiness: { .ready }
    ).responder()
    let (reads, events, closes) = (reads, events, outputCloses)
    try await channel.testingEventLoop.submit { [channel] in
      try channel.pipeline.syncOperations.addHandlers(
        OutboundSpy(reads: reads, closes: closes),
        VerificationChannelHandler(
          responder: responder, date: DateField(),
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
        EventSpy(events: events))
    }.get()
    try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1))
  }

  static func request(
    _ path: Path, _ method: HTTPRequest.Method = .get, _ headers: HTTPFields = [:]
  ) -> HTTPRequest {
    var random = RandomSource.system
    let key = KeySecret(environment: .production, random: &random).revealed
    var fields = headers
    fields[.apiKey] = key
    return HTTPRequest(
      method: method, scheme: "http", authority: "test", path: path.rawValue, headerFields: fields)
  }

  func send(_ path: Path, method: HTTPRequest.Method = .get, headers: HTTPFields = [:]) async throws {
    try await channel.writeInbound(HTTPRequestPart.head(Self.request(path, method, headers)))
    try await channel.writeInbound(HTTPRequestPart.end(nil))
  }

  func closeInput() async throws {
    try await channel.testingEventLoop.submit { [channel] in
      channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }.get()
  }

  /// The paths that have reached the application since the last call.
  func handedOn() async throws -> [String] {
    var paths: [String] = []
    while let part = try await channel.readInbound(as: HTTPRequestPart.self) {
      if case .head(let request) = part { paths.append(request.path ?? "") }
    }
    return paths
  }

  func applicationAnswers() async throws {
    let parts: [HTTPResponsePart] = [.head(HTTPResponse(status: .noContent)), .end(nil)]
    for part in parts { try await channel.writeOutbound(part) }
  }

  /// The next response on the wire, which must have been written by now.
  func nextAnswer() async throws -> Reply {
    await channel.testingEventLoop.run()
    guard case .head(let head)? = try await channel.readOutbound(as: HTTPResponsePart.self) else {
      throw Unexpected()
    }
    var reply = Reply(status: head.status, headers: head.headerFields)
    while let part = try await channel.readOutbound(as: HTTPResponsePart.self) {
      switch part {
      case .body(let part): reply.body += String(buffer: part)
      case .end: return reply
      case .head: throw Unexpected()
      }
    }
    throw Unexpected()
  }

  struct Unexpected: Error {}
}

/// Rejects the key as unknown once the test releases it.
private final class GatedAdmission: AdmissionControl {
  private let pending = Mutex<[@Sendable (Result<Admission, any Error>) -> Void]>([])

  var waiting: Int { pending.withLock(\.count) }

  func admit(_ request: AdmissionRequest) async throws -> Admission {
    try await withCheckedThrowingContinuation { continuation in
      admit(request) { continuation.resume(with: $0) }
    }
  }

  func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    pending.withLock { $0.append(complete) }
  }

  func releaseAll() {
    let all = pending.withLock { pending in
      defer { pending = [] }
      return pending
    }
    for complete in all { complete(.success(.rejected(.unknownKey, nil))) }
  }
}

private final class Tally: Sendable {
  private let value = Mutex(0)
  var count: Int { value.withLock { $0 } }
  func increment() { value.withLock { $0 += 1 } }
}

/// Counts reads and closes that reach the socket.
private final class OutboundSpy: ChannelOutboundHandler, Sendable {
  typealias OutboundIn = Any
  let reads: Tally
  let closes: Tally

  init(reads: Tally, closes: Tally) {
    self.reads = reads
    self.closes = closes
  }

  func read(context: ChannelHandlerContext) {
    reads.increment()
    context.read()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .output else { return context.close(mode: mode, promise: promise) }
    closes.increment()
    promise?.succeed()
  }
}

/// Counts the events that reach the application, which sees requests only when a read is complete.
private final class EventSpy: ChannelInboundHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  private let events: Tally
  private var unseen: [HTTPRequestPart] = []

  init(events: Tally) { self.events = events }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { unseen.append(unwrapInboundIn(data)) }

  func channelReadComplete(context: ChannelHandlerContext) {
    for part in unseen { context.fireChannelRead(wrapInboundOut(part)) }
    unseen = []
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelEvent { events.increment() }
    context.fireUserInboundEventTriggered(event)
  }
}
