import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Hostile requests on the wire", .timeLimit(.minutes(2)))
struct HostileRequestTests {
  private static let record = "POST /api/v1/usage/record HTTP/1.1"

  @Test("A badly chunked body is answered 400, never 500, and changes nothing")
  func badChunks() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = "X-API-Key: \(root.key)\r\nContent-Type: application/json\r\n"
      let scrubs = root.headers.map { "\($0): \($1)\r\n" }.joined() + "Content-Type: application/json\r\n"
      for line in [
        "POST /api/v1/api-key HTTP/1.1\r\n\(scrubs)", "POST /api/v1/apikey/createapikey HTTP/1.1\r\n\(key)",
        "POST /api/v1/usage/reserve HTTP/1.1\r\n\(key)", "\(Self.record)\r\n\(key)",
      ] {
        for chunk in ["zz\r\n", "5\r\n{}\r\n\r\nxx\r\n", "FFFFFFFFFFFFFFFFF\r\n", "-1\r\n"] {
          let connection = try await RawConnection.open(port: node.port)
          try await connection.send("\(line)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)")
          let answer = try await connection.untilClosed(within: .seconds(10))
          #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(chunk) to \(line): \(answer)")
          #expect(answer.ranges(of: #/HTTP/1\.1 \d{3} /#).count == 1, "\(answer)")
        }
      }
      let keys = try await node.apiKey(.GET, root, query: "?list_all=true")
      #expect(keys.json.count == 1)
      let log = try node.process.log
      #expect(!log.contains("unforeseen"))
    }
  }

  @Test("A verification with a badly chunked body has its answer, and then the end")
  func badChunksToVerify() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let head = "POST /api/v1/verify HTTP/1.1\r\nHost: x\r\nX-API-Key: \(root.key)\r\n"
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n")
      let answer = try await connection.untilClosed(within: .seconds(10))
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)")
      #expect(answer.ranges(of: #/HTTP/1\.1 \d{3} /#).count == 1, "\(answer)")
    }
  }

  @Test("A verification whose body comes byte by byte is answered at once, and cut off when its time is over")
  func slowVerification() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "1"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let slow = try await RawConnection.open(port: node.port)
      try await slow.send(
        "POST /api/v1/verify HTTP/1.1\r\nX-API-Key: \(root.key)\r\nContent-Length: 500\r\n\r\n")
      _ = try await slow.untilAnswers(1, within: .seconds(10))
      async let trickle: Void = slow.trickle(String(repeating: "x", count: 400), every: .milliseconds(50))
      let answer = try await slow.untilClosed(within: .seconds(10))
      #expect(answer.hasPrefix("HTTP/1.1 200 ") && !answer.contains("408"), "\(answer)")
      try await trickle
    }
  }

  @Test("Verifications and other calls that are pipelined are answered in their order, half-closed or not")
  func mixedPipeline() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let verify = "GET /api/v1/verify HTTP/1.1\r\nHost: x\r\nX-API-Key: \(root.key)\r\n\r\n"
      let usage = "GET /api/v1/usage HTTP/1.1\r\nHost: x\r\nX-API-Key: \(root.key)\r\n\r\n"
      let lost = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
      let charge = "\(Self.record)\r\nX-API-Key: \(root.key)\r\nContent-Type: application/json\r\n"
      let recorded = charge + "Content-Length: 15\r\n\r\n{\"requests\":10}"
      for closes in [true, false] {
        let connection = try await RawConnection.open(port: node.port)
        let round = verify + usage + verify + verify + lost + recorded + verify
        try await connection.send(String(repeating: round, count: 20))
        if closes { try await connection.endSending() } else { try await connection.send("NONSENSE\r\n\r\n") }
        let answers = try await connection.untilClosed(within: .seconds(20))
        let statuses = answers.matches(of: #/HTTP/1\.1 (\d{3}) /#).map { String($0.1) }
        let expected = ["200", "200", "200", "200", "404", "200", "200"]
        let all = Array(repeating: expected, count: 20).flatMap { $0 }
        #expect(statuses == all + (closes ? [] : ["400"]), "\(answers.suffix(800))")
      }
    }
  }

  @Test("A target that is neither a path nor an address of http or https is 400, whatever path it may hold")
  func unknownTargets() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = "Host: x\r\nX-API-Key: \(root.key)\r\n\r\n"
      for path in ["/metrics", "/health/live", "/api/v1/verify", "/api/v1/usage", "/nowhere"] {
        let connection = try await RawConnection.open(port: node.port)
        let targets = [path, "http://x\(path)", "HTTPS://x\(path)", "*://x\(path)", "ftp://x\(path)"]
        try await connection.send(targets.map { "GET \($0) HTTP/1.1\r\n\(key)" }.joined())
        try await connection.send("HEAD *://x\(path) HTTP/1.1\r\nConnection: close\r\n\(key)")
        let answers = try await connection.untilClosed(within: .seconds(10))
        let statuses = answers.matches(of: #/HTTP/1\.1 (\d{3}) /#).map { String($0.1) }
        let known = path == "/nowhere" ? "404" : "200"
        #expect(statuses == [known, known, known, "400", "400", "400"], "\(path)")
        #expect(answers.ranges(of: #""code":"invalid_target""#).count == 2)
        await connection.close()
      }
      let used = try await Counters.read(root.keyID, at: database.url).used
      #expect(used == Amounts(requests: 3), "by the three verifications that were judged")
    }
  }
}
