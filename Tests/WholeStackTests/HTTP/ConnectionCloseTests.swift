import KeymeterTesting
import Testing

@Suite("The last request of a connection", .timeLimit(.minutes(10)))
struct ConnectionCloseTests {
  private static let paths = [
    "/api/v1/verify", "/api/v1/usage", "/api/v1/api-key", "/health/live", "/nothing",
  ]

  /// Requests that announce the end of the connection or ask for another protocol.
  private static let endings = [
    (version: "1.0", lines: ""), ("1.0", "Connection: keep-alive\r\n"), ("1.0", "Connection: close\r\n"),
    ("1.1", "Connection: close\r\n"), ("1.1", "Connection: Close\r\n"),
    ("1.1", "Connection: keep-alive, close\r\n"),
    ("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
    ("1.1", "Connection: keep-alive, upgrade\r\nUpgrade: h2c\r\n"),
    (
      "1.1",
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    ),
  ]

  @Test("The last request gets a response with Connection: close, and the server closes the connection")
  func last() async throws {
    try await Node.with { node, _ in
      for path in Self.paths {
        for (version, lines) in Self.endings {
          for (length, body) in [("", ""), ("Content-Length: 2\r\n", "{}")] {
            let request = "GET \(path) HTTP/\(version)\r\nHost: x\r\n\(length)\(lines)\r\n\(body)"
            let response = try await RawConnection.exchange(request, port: node.port)
            #expect(response.ranges(of: "HTTP/1.").count == 1, "\(request)")
            #expect(response.lowercased().contains("\r\nconnection: close\r\n"), "\(request): \(response)")
          }
        }
      }
    }
  }

  @Test("Pipelined requests before the last one get their responses too")
  func pipelined() async throws {
    try await Node.with { node, _ in
      for path in Self.paths {
        let first = "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        let last = "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        let response = try await RawConnection.exchange(first + last, port: node.port)
        #expect(response.ranges(of: "HTTP/1.").count == 3, "\(path)")
        #expect(response.lowercased().ranges(of: "\r\nconnection: close\r\n").count == 1, "\(path)")
      }
    }
  }

  @Test("A request that only names another protocol does not end the connection")
  func upgradeHeaderAlone() async throws {
    try await Node.with { node, _ in
      for path in Self.paths {
        let connection = try await RawConnection.open(port: node.port)
        for count in 1...3 {
          try await connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n")
          let response = try await connection.untilResponses(count)
          #expect(!response.lowercased().contains("\r\nconnection: close\r\n"), "\(path)")
        }
        #expect(connection.isOpen, "\(path)")
        await connection.close()
      }
    }
  }
}
