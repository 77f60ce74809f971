import KeymeterTesting
import Testing

@Suite("The last request of a connection", .timeLimit(.minutes(2)))
struct ConnectionCloseTests {
  private static let paths = [
    "/api/v1/verify", "/api/v1/usage", "/api/v1/api-key", "/health/live", "/nothing",
  ]

  /// Lines by which a client says that it wants no further answers, or something else than answers.
  private static let endings = [
    (version: "1.0", lines: ""), ("1.0", "Connection: keep-alive"), ("1.0", "Connection: close"),
    ("1.1", "Connection: close"), ("1.1", "Connection: Close"), ("1.1", "Connection: keep-alive, close"),
    ("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"),
    ("1.1", "Connection: keep-alive, upgrade\r\nUpgrade: h2c"),
    (
      "1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"
    ),
  ]

  @Test("is answered, told to be the last, and the connection ends at once", arguments: paths)
  func ends(path: String) async throws {
    try await Node.with { node, _ in
      for (version, lines) in Self.endings {
        for body in ["", "Content-Length: 2\r\n"] {
          let connection = try await RawConnection.open(port: node.port)
          try await connection.send(
            "GET \(path) HTTP/\(version)\r\nHost: x\r\n\(body)\(lines)\(lines.isEmpty ? "" : "\r\n")\r\n"
              + (body.isEmpty ? "" : "{}"))
          let answer = try await connection.untilClosed(within: .seconds(5))
          #expect(connection.answers == 1, "\(version) \(lines)")
          #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(version) \(lines): \(answer)")
          await connection.close()
        }
      }
    }
  }

  @Test("comes behind others, which are answered as ever", arguments: paths)
  func behindOthers(path: String) async throws {
    try await Node.with { node, _ in
      let connection = try await RawConnection.open(port: node.port)
      let ordinary = "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
      let last = "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
      try await connection.send(ordinary + last)
      let answer = try await connection.untilClosed(within: .seconds(5))
      #expect(connection.answers == 3)
      #expect(answer.lowercased().ranges(of: "\r\nconnection: close\r\n").count == 1)
      await connection.close()
    }
  }

  @Test("is none that merely names another protocol; the connection goes on", arguments: paths)
  func goesOn(path: String) async throws {
    try await Node.with { node, _ in
      let connection = try await RawConnection.open(port: node.port)
      for count in 1...3 {
        try await connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n")
        let answer = try await connection.untilAnswers(count, within: .seconds(5))
        #expect(!answer.lowercased().contains("\r\nconnection: close\r\n"))
      }
      #expect(connection.isOpen)
      await connection.close()
    }
  }
}
