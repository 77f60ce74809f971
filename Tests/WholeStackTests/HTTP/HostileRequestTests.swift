import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Hostile requests", .timeLimit(.minutes(10)))
struct HostileRequestTests {
  private static let record = "POST /api/v1/usage/record HTTP/1.1"

  @Test("A badly chunked body gets 400, never 500, and changes nothing; a verification ignores it")
  func badChunks() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = "X-API-Key: \(root.key)\r\nContent-Type: application/json\r\n"
      let scrubs = root.headers.map { "\($0): \($1)\r\n" }.joined() + "Content-Type: application/json\r\n"
      let calls = [
        ("POST /api/v1/api-key HTTP/1.1\r\n\(scrubs)", 400),
        ("POST /api/v1/apikey/createapikey HTTP/1.1\r\n\(key)", 400),
        ("POST /api/v1/usage/reserve HTTP/1.1\r\n\(key)", 400), ("\(Self.record)\r\n\(key)", 400),
        ("POST /api/v1/verify HTTP/1.1\r\n\(key)", 200),
      ]
      let chunks = ["zz\r\n", "5\r\n{}\r\n\r\nxx\r\n", "FFFFFFFFFFFFFFFFF\r\n", "-1\r\n"]
      for (head, status) in calls {
        for chunk in chunks {
          let response = try await RawConnection.exchange(
            "\(head)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)", port: node.port)
          #expect(Self.statuses(response) == [status], "\(chunk) to \(head): \(response)")
        }
      }
      #expect(try await node.apiKey(.GET, root, query: "?list_all=true").json.count == 1)
      let used = try await Counters.read(root.keyID, at: database.url).used
      #expect(used == Amounts(requests: Int64(chunks.count)), "only the verifications are charged")
    }
  }

  @Test("A verification gets its response before its body, which ends with the connection if it is too slow")
  func slowVerification() async throws {
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "1"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let slow = try await RawConnection.open(port: node.port)
      try await slow.send(
        "POST /api/v1/verify HTTP/1.1\r\nX-API-Key: \(root.key)\r\nContent-Length: 100000\r\n\r\n")
      async let trickle: Void = slow.trickle(UInt8(ascii: "x"), every: .milliseconds(50))
      let response = try await slow.untilClosed()
      #expect(Self.statuses(response) == [200], "\(response)")
      try await trickle
    }
  }

  @Test("Pipelined verifications and other calls get their responses in order, half-closed or not")
  func mixedPipeline() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let verify = "GET /api/v1/verify HTTP/1.1\r\nHost: x\r\nX-API-Key: \(root.key)\r\n\r\n"
      let usage = "GET /api/v1/usage HTTP/1.1\r\nHost: x\r\nX-API-Key: \(root.key)\r\n\r\n"
      let unknown = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
      let charge = "\(Self.record)\r\nX-API-Key: \(root.key)\r\nContent-Type: application/json\r\n"
      let recorded = charge + "Content-Length: 15\r\n\r\n{\"requests\":10}"
      for halfCloses in [true, false] {
        let connection = try await RawConnection.open(port: node.port)
        let round = verify + usage + verify + verify + unknown + recorded + verify
        try await connection.send(String(repeating: round, count: 20))
        if halfCloses {
          try await connection.endSending()
        } else {
          try await connection.send("NONSENSE\r\n\r\n")
        }
        let response = try await connection.untilClosed()
        let expected = Array(repeating: [200, 200, 200, 200, 404, 200, 200], count: 20).flatMap { $0 }
        #expect(Self.statuses(response) == expected + (halfCloses ? [] : [400]), "\(response.suffix(800))")
      }
    }
  }

  @Test("A target that is neither a path nor an http or https URL gets 400, with any path in it")
  func unknownTargets() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let key = "Host: x\r\nX-API-Key: \(root.key)\r\n\r\n"
      for path in ["/metrics", "/health/live", "/api/v1/verify", "/api/v1/usage", "/nowhere"] {
        let targets = [path, "http://x\(path)", "HTTPS://x\(path)", "*://x\(path)", "ftp://x\(path)"]
        let requests = targets.map { "GET \($0) HTTP/1.1\r\n\(key)" }.joined()
        let last = "HEAD *://x\(path) HTTP/1.1\r\nConnection: close\r\n\(key)"
        let response = try await RawConnection.exchange(requests + last, port: node.port)
        let known = path == "/nowhere" ? 404 : 200
        #expect(Self.statuses(response) == [known, known, known, 400, 400, 400], "\(path)")
        #expect(response.ranges(of: #""code":"invalid_target""#).count == 2)
      }
      let used = try await Counters.read(root.keyID, at: database.url).used
      #expect(used == Amounts(requests: 3), "the three verifications with a known target")
    }
  }

  private static func statuses(_ response: String) -> [Int] {
    response.matches(of: #/HTTP/1\.1 (\d{3}) /#).compactMap { Int($0.1) }
  }
}
