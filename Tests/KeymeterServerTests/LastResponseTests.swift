import NIOCore
import NIOHTTP1
import Testing

@testable import KeymeterServer

@Suite("A connection's last response during the drain", .timeLimit(.minutes(10)))
struct LastResponseTests {
  private static let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test("Connection: close is sent during the drain only, and the connection then closes")
  func saysSo() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.request)
    try connection.answer()
    #expect(!connection.sent.lowercased().contains("connection:"))
    connection.shutdown.begin()
    #expect(!connection.hasEndedOutput, "an idle connection stays open")
    connection.arrive(Self.request)
    try connection.answer()
    #expect(connection.answers == 2 && connection.sent.contains("Connection: close\r\n"))
    #expect(connection.hasEndedOutput && !connection.isClosed)
    connection.pass(ConnectionGuard.lingering)
    #expect(connection.isClosed)
  }

  @Test("Pipelined requests are all answered before the connection closes")
  func pipelined() throws {
    let connection = try GuardedChannel()
    connection.shutdown.begin()
    connection.arrive(Self.request + Self.request)
    try connection.answer()
    #expect(!connection.sent.contains("Connection: close") && !connection.hasEndedOutput)
    try connection.answer()
    #expect(connection.answers == 2 && connection.sent.contains("Connection: close"))
    #expect(connection.hasEndedOutput)
  }

  @Test("Requests after the last response are dropped, and the rest of the answered request still arrives")
  func nothingBehind() throws {
    let application = Counter()
    let connection = try GuardedChannel([application])
    connection.shutdown.begin()
    connection.arrive("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
    try connection.beginAnswer()
    connection.arrive("cd" + Self.request)
    #expect(application.heads == 1 && application.ends == 1 && application.bytes == 4)
    try connection.endAnswer()
    connection.arrive(Self.request)
    #expect(application.heads == 1 && connection.answers == 1 && connection.hasEndedOutput)
  }
}

/// Counts the parts that reach the application.
private final class Counter: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart

  private(set) var heads = 0
  private(set) var bytes = 0
  private(set) var ends = 0

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: heads += 1
    case .body(let part): bytes += part.readableBytes
    case .end: ends += 1
    }
  }
}

@available(*, unavailable)
extension Counter: Sendable {}
