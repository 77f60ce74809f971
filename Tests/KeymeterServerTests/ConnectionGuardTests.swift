import NIOCore
import NIOHTTP1
import Testing

@testable import KeymeterServer

@Suite("The guard against slow and hostile clients", .timeLimit(.minutes(10)))
struct ConnectionGuardTests {
  private static let whole = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
  private static let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
  private static let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

  @Test("A head sent one byte a second is rejected with 408 at the timeout")
  func slowHead() throws {
    let connection = try GuardedChannel()
    for byte in "GET / HTTP/1.1\r\nX-Slow".prefix(20) {
      #expect(connection.sent.isEmpty)
      connection.arrive(String(byte))
      connection.pass(.seconds(1))
    }
    try expectRejected(connection, "408 ", code: "request_timeout")
  }

  @Test("A body sent one byte a second is rejected with 408 if no response has begun")
  func slowBody() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.head)
    for _ in 0..<19 {
      connection.arrive("x")
      connection.pass(.seconds(1))
    }
    #expect(connection.sent.isEmpty)
    connection.pass(.seconds(1))
    try expectRejected(connection, "408 ", code: "request_timeout")
  }

  @Test(
    "At the timeout a request whose response has begun or ended closes the connection without a second response"
  )
  func slowRest() throws {
    for isWhole in [false, true] {
      let connection = try GuardedChannel()
      connection.arrive(Self.head)
      connection.pass(.seconds(1))
      try connection.beginAnswer(.unauthorized)
      if isWhole { try connection.endAnswer() }
      connection.pass(.seconds(19))
      if isWhole { connection.pass(.seconds(1)) }
      #expect(connection.isClosed)
      #expect(connection.answers == 1)
    }
  }

  @Test("The guard never closes an idle connection")
  func idle() throws {
    let connection = try GuardedChannel()
    connection.pass(.hours(1))
    connection.arrive(Self.whole)
    try connection.answer()
    connection.pass(.hours(1))
    #expect(!connection.isClosed && connection.answers == 1)
  }

  @Test("The server's own time is unlimited")
  func slowServer() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.whole)
    connection.pass(.minutes(5))
    try connection.answer()
    #expect(!connection.isClosed && connection.sent.hasPrefix("HTTP/1.1 200 "))
  }

  @Test("A pipelined request's timeout starts when the response before it ends")
  func behindASlowAnswer() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.whole + "GET / HT")
    connection.arrive("TP")
    connection.pass(.seconds(50))
    try connection.answer()
    connection.pass(.seconds(19))
    #expect(connection.answers == 1 && !connection.hasEndedOutput)
    connection.pass(.seconds(1))
    #expect(connection.answers == 2)
    #expect(connection.sent.contains("request_timeout") && connection.hasEndedOutput)
  }

  @Test("Each request has the full timeout")
  func manySlowRequests() throws {
    let connection = try GuardedChannel()
    for _ in 0..<5 {
      connection.arrive("GET / HTTP/1.1\r\n")
      connection.pass(.seconds(19))
      connection.arrive("Host: x\r\n\r\n")
      try connection.answer()
    }
    #expect(connection.answers == 5 && !connection.hasEndedOutput)
  }

  @Test("An unparsable request gets a problem response in place of the application's")
  func unreadable() throws {
    let long = "GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 1 << 20)
    for (request, status, code) in [
      ("NONSENSE\r\n\r\n", "400 ", "malformed_request"), (long, "431 ", "headers_too_large"),
    ] {
      let connection = try GuardedChannel()
      connection.arrive(request)
      try connection.beginAnswer(.badRequest)
      try expectRejected(connection, status, code: code)
    }
  }

  @Test("An unparsable request doesn't affect the response to the request before it")
  func unreadableBehind() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.whole + "NONSENSE\r\n\r\n")
    try connection.answer(.accepted)
    #expect(connection.sent.hasPrefix("HTTP/1.1 202 ") && connection.answers == 1)
    try connection.beginAnswer(.badRequest)
    #expect(connection.answers == 2 && connection.sent.contains("malformed_request"))
    #expect(connection.hasEndedOutput)
  }

  @Test("The unparsable rest of an answered request gets no second response")
  func unreadableRest() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.chunked + "zz\r\n")
    try connection.answer(.unauthorized)
    try connection.beginAnswer(.badRequest)
    #expect(connection.answers == 1 && connection.hasEndedOutput)
    connection.pass(ConnectionGuard.lingering)
    #expect(connection.isClosed)
  }

  @Test("A close after a parse error waits until the response has reached the client")
  func closedBehindUnreadable() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.chunked + "zz\r\n")
    try connection.answer(.unauthorized)
    connection.close()
    #expect(!connection.isClosed && connection.hasEndedOutput)
    connection.pass(ConnectionGuard.lingering)
    #expect(connection.isClosed)
  }

  @Test("A rejected client gets no further response and no further timeout")
  func afterRefusal() throws {
    let connection = try GuardedChannel()
    connection.arrive(Self.head)
    connection.pass(GuardedChannel.patience)
    #expect(connection.answers == 1)
    #expect(throws: ChannelError.ioOnClosedChannel) { try connection.answer() }
    connection.arrive("xxx")
    connection.pass(.seconds(1))
    #expect(connection.answers == 1 && !connection.isClosed)
  }

  @Test("A TLS handshake has the request timeout, which starts anew for the first request")
  func handshake() throws {
    let slow = try GuardedChannel()
    slow.connectionGuard.handshakeBegan()
    slow.pass(GuardedChannel.patience)
    #expect(slow.hasEndedOutput)
    slow.pass(ConnectionGuard.lingering)
    #expect(slow.isClosed)

    let quick = try GuardedChannel()
    quick.connectionGuard.handshakeBegan()
    quick.pass(.seconds(19))
    quick.connectionGuard.handshakeEnded()
    quick.arrive("G")
    quick.pass(.seconds(19))
    #expect(quick.sent.isEmpty && !quick.hasEndedOutput)
  }

  @Test("A client that reads nothing is disconnected, and one that reads slowly is not")
  func slowReader() throws {
    let deaf = try GuardedChannel()
    deaf.arrive(Self.whole)
    deaf.fill(bytes: 1 << 20)
    deaf.pass(.seconds(19))
    #expect(!deaf.isClosed)
    deaf.pass(.seconds(1))
    #expect(deaf.isClosed)

    let slow = try GuardedChannel()
    slow.arrive(Self.whole)
    slow.fill(bytes: 1 << 20)
    slow.pass(.seconds(10))
    slow.drain()
    slow.pass(.seconds(10))
    #expect(!slow.isClosed)
  }

  /// Expects one problem response, and the connection to close a little later.
  private func expectRejected(
    _ connection: GuardedChannel, _ status: String, code: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let sent = connection.sent
    #expect(sent.hasPrefix("HTTP/1.1 \(status)"), "\(sent)", sourceLocation: sourceLocation)
    #expect(sent.contains("\"code\":\"\(code)\""), sourceLocation: sourceLocation)
    #expect(sent.lowercased().contains("connection: close"), sourceLocation: sourceLocation)
    #expect(connection.answers == 1, sourceLocation: sourceLocation)
    #expect(connection.hasEndedOutput && !connection.isClosed, sourceLocation: sourceLocation)
    connection.pass(ConnectionGuard.lingering)
    #expect(connection.isClosed, sourceLocation: sourceLocation)
  }
}
