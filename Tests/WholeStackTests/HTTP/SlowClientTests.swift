import KeymeterOps
import FoundationEssentials
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Slow and hostile clients", .timeLimit(.minutes(3)))
struct SlowClientTests {
  private static let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"

  @Test(
    "A client that sends its headers byte by byte is answered 408 and cut off, and its neighbours are served")
  func slowHeaders() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "2"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let slow = try await RawConnection.open(port: node.port)
      let begun = ContinuousClock.now
      async let trickle: Void = slow.trickle(
        "GET /health/live HTTP/1.1\r\nX-Slow: " + String(repeating: "x", count: 200),
        every: .milliseconds(100))
      #expect(try await node.apiKey(.GET, root).status == 200)
      let answer = try await slow.untilClosed(within: .seconds(10))
      #expect(ContinuousClock.now - begun < .seconds(8))
      try expectProblem(answer, "408 Request Timeout", code: "request_timeout")
      try await trickle
    }
  }

  @Test("A client that sends its body byte by byte is answered 408 and cut off")
  func slowBody() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "2"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let slow = try await RawConnection.open(port: node.port)
      let head = """
        POST /api/v1/api-key HTTP/1.1\r
        Host: x\r
        X-Scrubs-Clinic-Api-Key: \(root.key)\r
        X-Scrubs-Clinic-Provider: clinic\r
        Content-Type: application/json\r
        Content-Length: 300\r
        \r\n
        """
      try await slow.send(head)
      async let trickle: Void = slow.trickle(String(repeating: " ", count: 200), every: .milliseconds(100))
      let answer = try await slow.untilClosed(within: .seconds(10))
      try expectProblem(answer, "408 Request Timeout", code: "request_timeout")
      try await trickle
      let listed = try await node.apiKey(.GET, root, query: "?list_all=true")
      #expect(listed.json.count == 1, "nothing was made of half a request")
      let log = try node.process.log
      #expect(!log.contains("unforeseen"))
    }
  }

  @Test("A client that takes nothing of its answers is cut off")
  func slowReader() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "1"]) { node, _ in
      let deaf = try await RawConnection.open(port: node.port)
      try await deaf.stopReading()
      let requests = String(repeating: "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", count: 200)
      try? await deaf.send(requests)
      _ = try await eventually("the server to hang up") {
        try await send(.GET, node.baseURL + "/health/live").status == 200
          && openSockets(of: node.process.processID, port: node.port) <= 1 ? true : nil
      }
    }
  }

  @Test("A connection on which nothing happens is closed after the idle time, and not before")
  func idle() async throws {
    try await Node.with(environment: ["KEYMETER_IDLE_SECONDS": "3", "KEYMETER_REQUEST_SECONDS": "1"]) {
      node, _ in
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send(Self.live)
      _ = try await connection.untilAnswers(1, within: .seconds(10))
      try await Task.sleep(for: .seconds(1.5))
      #expect(connection.isOpen, "waiting between two requests is no slowness")
      try await connection.send(Self.live)
      _ = try await connection.untilAnswers(2, within: .seconds(10))
      let all = try await connection.untilClosed(within: .seconds(10))
      #expect(!all.contains("408"))
    }
  }

  @Test("Ten thousand idle connections cost little memory, and others are served beside them")
  func manyIdle() async throws {
    try OpenFileLimit.raise(to: 15_000)
    // So long that none is closed while the last are opened.
    let environment = ["KEYMETER_LOG_LEVEL": "info", "KEYMETER_IDLE_SECONDS": "600"]
    try await Node.with(environment: environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try residentKilobytes(of: node.process.processID)
      var connections: [RawConnection] = []
      for _ in 0..<100 {
        connections += try await withThrowingTaskGroup(of: RawConnection.self) { group in
          for _ in 0..<100 { group.addTask { try await RawConnection.open(port: node.port) } }
          return try await group.reduce(into: []) { $0.append($1) }
        }
      }
      for _ in 0..<50 { #expect(try await node.apiKey(.GET, root).status == 200) }
      let open = connections.filter { $0.isOpen }.count
      #expect(open == connections.count)
      let after = try residentKilobytes(of: node.process.processID)
      #expect(after - before < 300 * 1_024, "from \(before) KiB to \(after) KiB")
      for connection in connections { await connection.close() }
    }
  }

  @Test("Beyond the most connections a client is told 503 and let go, and is served once there is room")
  func tooMany() async throws {
    try await Node.with(environment: ["KEYMETER_CONNECTIONS": "10"]) { node, _ in
      var held: [RawConnection] = []
      for _ in 0..<10 {
        let connection = try await RawConnection.open(port: node.port)
        try await connection.send(Self.live)
        #expect(try await connection.untilAnswers(1, within: .seconds(10)).hasPrefix("HTTP/1.1 200"))
        held.append(connection)
      }
      let beyond = try await RawConnection.open(port: node.port)
      let answer = try await beyond.untilClosed(within: .seconds(5))
      try expectProblem(answer, "503 Service Unavailable", code: "too_many_connections")
      await held[0].close()
      _ = try await eventually("room") {
        let next = try await RawConnection.open(port: node.port)
        try? await next.send(Self.live)
        let text = (try? await next.untilAnswers(1, within: .seconds(5))) ?? ""
        await next.close()
        return text.hasPrefix("HTTP/1.1 200") ? true : nil
      }
    }
  }

  @Test(
    "Thousands of pipelined requests are answered in turn, without starving others or growing without bound")
  func pipelined() async throws {
    try await Node.with(environment: ["KEYMETER_LOG_LEVEL": "info"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try residentKilobytes(of: node.process.processID)
      let count = 10_000
      // One for each event loop at least.
      let greedy = try await withThrowingTaskGroup(of: RawConnection.self) { group in
        for _ in 0..<8 { group.addTask { try await RawConnection.open(port: node.port) } }
        return try await group.reduce(into: [RawConnection]()) { $0.append($1) }
      }
      let requests = Array(String(repeating: Self.live, count: count).utf8)
      let sending = greedy.map { connection in Task { try await connection.send(requests) } }
      for connection in greedy { _ = try await connection.untilAnswers(1, within: .seconds(30)) }
      for _ in 0..<3 { #expect(try await node.apiKey(.GET, root).status == 200) }
      // Seconds would tell how busy the machine is; this tells that nobody had to wait for the greedy ones' end.
      #expect(greedy.contains { $0.answers < count }, "another client waits")
      for connection in greedy { _ = try await connection.untilAnswers(count, within: .seconds(90)) }
      for task in sending { try await task.value }
      let after = try residentKilobytes(of: node.process.processID)
      #expect(after - before < 100 * 1_024, "from \(before) KiB to \(after) KiB")
      for connection in greedy { await connection.close() }
    }
  }

  @Test(
    "Verifications that are pipelined by somebody who takes no answer are judged no further than a socket holds"
  )
  func pipelinedUnread() async throws {
    // So long that it isn't slowness that ends them.
    let environment = ["KEYMETER_LOG_LEVEL": "info", "KEYMETER_REQUEST_SECONDS": "600"]
    try await Node.with(environment: environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try residentKilobytes(of: node.process.processID)
      var greedy: [RawConnection] = []
      for _ in 0..<4 {
        let connection = try await RawConnection.open(port: node.port)
        try await connection.stopReading()
        greedy.append(connection)
      }
      // A hundred thousand answers of half a kilobyte each would be 50 MB a client; a socket holds a few.
      let requests = Array(String(repeating: "GET /api/v1/verify HTTP/1.1\r\n\r\n", count: 100_000).utf8)
      let sending = greedy.map { connection in Task { try? await connection.send(requests) } }
      let metric = "keymeter_http_requests_total{route=\"/api/v1/verify\""
      func judged() async throws -> Int {
        let text = try await send(.GET, node.baseURL + "/metrics").body
        return text.split(separator: "\n").filter { $0.hasPrefix(metric) }
          .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0) { $0 + Int($1) }
      }
      var (last, next) = (-1, try await judged())
      while next > last {
        try await Task.sleep(for: .seconds(1))
        (last, next) = (next, try await judged())
      }
      #expect(next > 0 && next < 200_000, "of 400,000")
      let after = try residentKilobytes(of: node.process.processID)
      #expect(after - before < 40 * 1_024, "from \(before) KiB to \(after) KiB")
      #expect(try await node.verify(root).status == 200)
      for connection in greedy { await connection.close() }
      for task in sending { await task.value }
    }
  }

  @Test("Headers that are too long or too many are answered 431, what is no HTTP 400, each as a problem")
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
        let connection = try await RawConnection.open(port: node.port)
        // The server may have hung up before it has all been sent.
        try? await connection.send(request)
        let answer = try await connection.untilClosed(within: .seconds(10))
        try expectProblem(answer, expected.0, code: expected.1)
      }
      #expect(try await send(.GET, node.baseURL + "/health/live").status == 200)
    }
  }

  @Test("A client that has closed its half of the connection still gets its answers, and then the end")
  func halfClosed() async throws {
    try await Node.with { node, _ in
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send(Self.live + Self.live)
      try await connection.endSending()
      let answers = try await connection.untilClosed(within: .seconds(10))
      #expect(answers.split(separator: "HTTP/1.1 200 OK").count == 2, "\(answers)")

      let silent = try await RawConnection.open(port: node.port)
      try await silent.endSending()
      #expect(try await silent.untilClosed(within: .seconds(10)) == "")

      let broken = try await RawConnection.open(port: node.port)
      try await broken.send("POST /api/v1/usage/record HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
      try await broken.endSending()
      let answer = try await broken.untilClosed(within: .seconds(10))
      #expect(!answer.contains(" 500 "))
    }
  }

  /// Holds what came over a connection to be one problem, and the end.
  private func expectProblem(
    _ answer: String, _ status: String, code: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"), "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.lowercased().contains("connection: close\r\n"), sourceLocation: sourceLocation)
    #expect(answer.contains("application/problem+json\r\n"), sourceLocation: sourceLocation)
    #expect(answer.contains("\"code\":\"\(code)\""), "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.hasSuffix("}"), "\(answer)", sourceLocation: sourceLocation)
  }
}

/// What a process keeps in memory.
private func residentKilobytes(of process: Int32) throws -> Int {
  let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
  guard let kilobytes = status.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap({ Int($0.1) }) else {
    throw TestFailure("no VmRSS of \(process)")
  }
  return kilobytes
}

/// How many established TCP connections the machine has to this port, at the server's side.
private func openSockets(of process: Int32, port: Int) throws -> Int {
  let table = try String(contentsOfFile: "/proc/\(process)/net/tcp", encoding: .utf8)
  let local = String(port, radix: 16, uppercase: true)
  let end = ":" + String(repeating: "0", count: 4 - local.count) + local
  return table.split(separator: "\n").filter { line in
    let columns = line.split(separator: " ")
    return columns.count > 3 && columns[1].hasSuffix(end) && columns[3] == "01"
  }.count
}
