import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Slow and hostile clients", .timeLimit(.minutes(10)))
struct SlowClientTests {
  private static let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test("Headers or a body sent byte by byte get 408, change nothing, and delay no other client")
  func slowRequest() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "2"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let credentials = root.headers.map { "\($0): \($1)\r\n" }.joined()
      for start in [
        "GET /health/live HTTP/1.1\r\nX-Slow: ",
        "POST /api/v1/api-key HTTP/1.1\r\nHost: x\r\n\(credentials)Content-Type: application/json\r\n"
          + "Content-Length: 60000\r\n\r\n",
      ] {
        let slow = try await RawConnection.open(port: node.port)
        try await slow.send(start)
        async let trickle: Void = slow.trickle(UInt8(ascii: " "), every: .milliseconds(100))
        #expect(try await node.apiKey(.GET, root).status == 200)
        expectProblem(try await slow.untilClosed(), "408 Request Timeout", code: "request_timeout")
        try await trickle
      }
      #expect(try await node.apiKey(.GET, root, query: "?list_all=true").json.count == 1)
    }
  }

  @Test("A client that reads no responses is disconnected")
  func slowReader() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "1"]) { node, _ in
      let client = try await RawConnection.open(port: node.port)
      try await client.stopReading()
      let requests = String(repeating: "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", count: 200)
      try? await client.send(requests)
      _ = try await eventually("the server to disconnect the client") {
        // The remaining connection is that of this request.
        try await send(.GET, node.baseURL + "/health/live").status == 200
          && Processes.connections(of: node.process.processID, at: node.port) <= 1 ? true : nil
      }
      await client.close()
    }
  }

  @Test("A connection without requests is closed after the idle time, and not earlier")
  func idle() async throws {
    // The request timeout must not count between requests.
    let environment = ["KEYMETER_IDLE_SECONDS": "3", "KEYMETER_REQUEST_SECONDS": "1"]
    try await Node.with(environment: environment) { node, _ in
      let connection = try await RawConnection.open(port: node.port)
      let sent = ContinuousClock.now
      try await connection.send(Self.live)
      let response = try await connection.untilClosed()
      #expect(ContinuousClock.now - sent >= .seconds(3))
      #expect(response.hasPrefix("HTTP/1.1 200 ") && !response.contains("408"))
    }
  }

  @Test("Ten thousand idle connections cost little memory and delay no other client")
  func manyIdle() async throws {
    try OpenFileLimit.raise(to: 15_000)
    // None may be closed before the last is open.
    try await Node.with(environment: ["KEYMETER_IDLE_SECONDS": "3600"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try Processes.residentKilobytes(of: node.process.processID)
      let connections = try await RawConnection.open(10_000, port: node.port)
      for _ in 0..<50 { #expect(try await node.apiKey(.GET, root).status == 200) }
      #expect(connections.allSatisfy { $0.isOpen })
      let after = try Processes.residentKilobytes(of: node.process.processID)
      #expect(after - before < 300 * 1_024, "from \(before) KiB to \(after) KiB")
      for connection in connections { await connection.close() }
    }
  }

  @Test("A client beyond the connection limit gets 503 and is disconnected, until there is room")
  func tooMany() async throws {
    try await Node.with(environment: ["KEYMETER_CONNECTIONS": "10"]) { node, _ in
      let held = try await RawConnection.open(10, port: node.port)
      for connection in held {
        try await connection.send(Self.live)
        #expect(try await connection.untilResponses(1).hasPrefix("HTTP/1.1 200"))
      }
      let rejected = try await RawConnection.open(port: node.port).untilClosed()
      expectProblem(rejected, "503 Service Unavailable", code: "too_many_connections")
      await held[0].close()
      _ = try await eventually("room") {
        let request = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        return try await RawConnection.exchange(request, port: node.port).hasPrefix("HTTP/1.1 200")
          ? true : nil
      }
      for connection in held { await connection.close() }
    }
  }

  /// The load is as much as the machine can give: the clients send until the others are served.
  @Test("Clients that pipeline without end delay no other client and cost little memory")
  func pipelined() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try Processes.residentKilobytes(of: node.process.processID)
      // At least one for each event loop.
      let greedy = try await RawConnection.open(8, port: node.port)
      let isOver = Shared(false)
      async let sent = concurrently(greedy.count) { number in
        let requests = Array(String(repeating: Self.live, count: 100).utf8)
        var count = 0
        while !isOver.value {
          try await greedy[number].send(requests)
          count += 100
          // Two thousand unread responses are enough, and keep this process's memory small.
          while count - greedy[number].responses > 2_000, !isOver.value {
            try await Task.sleep(for: .milliseconds(1))
          }
        }
        return (number, count)
      }
      for connection in greedy { try await connection.untilResponses(1) }
      let begun = greedy.map(\.responses)
      for _ in 0..<20 { #expect(try await node.apiKey(.GET, root).status == 200) }
      _ = try await eventually("each pipeline to make progress") {
        zip(greedy, begun).allSatisfy { $0.responses > $1 } ? true : nil
      }
      isOver.value = true
      for (number, count) in try await sent { try await greedy[number].untilResponses(count) }
      let after = try Processes.residentKilobytes(of: node.process.processID)
      #expect(after - before < 100 * 1_024, "from \(before) KiB to \(after) KiB")
      for connection in greedy { await connection.close() }
    }
  }

  @Test(
    "Pipelined verifications of a client that never reads are judged no further than the socket buffers hold")
  func pipelinedUnread() async throws {
    // The request timeout must not disconnect the clients first.
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "3600"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try Processes.residentKilobytes(of: node.process.processID)
      let greedy = try await RawConnection.open(4, port: node.port)
      for connection in greedy { try await connection.stopReading() }
      // 100,000 responses of half a kilobyte would be 50 MB for each client. A socket holds a few megabytes.
      let requests = Array(String(repeating: "GET /api/v1/verify HTTP/1.1\r\n\r\n", count: 100_000).utf8)
      let sending = greedy.map { connection in Task { try? await connection.send(requests) } }
      @Sendable func judged() async throws -> Double {
        try await node.scrape().samples
          .filter { $0.key.hasPrefix(#"keymeter_http_requests_total{route="/api/v1/verify""#) }
          .reduce(0) { $0 + $1.value }
      }
      _ = try await eventually("the first verifications") { try await judged() > 0 ? true : nil }
      var (last, next) = (-1.0, try await judged())
      while next > last {
        try await Task.sleep(for: .seconds(1))
        (last, next) = (next, try await judged())
      }
      #expect(next < 200_000, "of 400,000")
      let after = try Processes.residentKilobytes(of: node.process.processID)
      #expect(after - before < 40 * 1_024, "from \(before) KiB to \(after) KiB")
      #expect(try await node.verify(root).status == 200)
      for connection in greedy { await connection.close() }
      for task in sending { await task.value }
    }
  }

  @Test("Headers that are too long or too many get 431, and a malformed request gets 400, each as a problem")
  func headers() async throws {
    try await Node.with { node, _ in
      let long = String(repeating: "x", count: 1 << 20)
      let many = (0..<101).map { "X-Field-\($0): 1\r\n" }.joined()
      let tooLarge = ("431 Request Header Fields Too Large", "headers_too_large")
      let malformed = ("400 Bad Request", "malformed_request")
      for (request, expected) in [
        ("GET /health/live HTTP/1.1\r\nX-Long: \(long)\r\n\r\n", tooLarge),
        ("GET /health/live?\(long) HTTP/1.1\r\nHost: x\r\n\r\n", tooLarge),
        ("GET /health/live HTTP/1.1\r\n\(many)\r\n", tooLarge),
        ("NONSENSE\r\n\r\n", malformed), ("GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", malformed),
        ("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", malformed),
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", malformed),
      ] {
        expectProblem(
          try await RawConnection.exchange(request, port: node.port), expected.0, code: expected.1)
      }
      #expect(try await send(.GET, node.baseURL + "/health/live").status == 200)
    }
  }

  @Test("A client that has closed its sending half gets its responses before the connection ends")
  func halfClosed() async throws {
    try await Node.with { node, _ in
      func exchange(_ requests: String) async throws -> String {
        let connection = try await RawConnection.open(port: node.port)
        if !requests.isEmpty { try await connection.send(requests) }
        try await connection.endSending()
        return try await connection.untilClosed()
      }
      #expect(try await exchange(Self.live + Self.live).ranges(of: "HTTP/1.1 200 OK").count == 2)
      #expect(try await exchange("") == "")
      let broken = try await exchange("POST /api/v1/usage/record HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
      #expect(!broken.contains(" 500 "))
    }
  }

  /// Expects exactly one problem, and the end of the connection.
  private func expectProblem(
    _ response: String, _ status: String, code: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(response.hasPrefix("HTTP/1.1 \(status)\r\n"), "\(response)", sourceLocation: sourceLocation)
    #expect(response.lowercased().contains("connection: close\r\n"), sourceLocation: sourceLocation)
    #expect(response.contains("application/problem+json\r\n"), sourceLocation: sourceLocation)
    #expect(response.contains("\"code\":\"\(code)\""), "\(response)", sourceLocation: sourceLocation)
    #expect(response.hasSuffix("}"), "\(response)", sourceLocation: sourceLocation)
  }
}
