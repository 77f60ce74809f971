import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("GET /openapi.json of the executable", .timeLimit(.minutes(10)))
struct OpenAPICallTests {
  @Test("The executable contains the document, for its own version and relative to the node")
  func document() async throws {
    try await Node.with { node, _ in
      let reply = try await send(.GET, node.baseURL + "/openapi.json")
      #expect(reply.status == 200)
      #expect(reply.headers["Content-Type"] == ["application/json"])
      let version = try #require((reply.json["info"] as? [String: Any])?["version"] as? String)
      #expect(
        try await ServerProcess.output(of: ["--version"], environment: [:]).output == "keymeter \(version)\n")
      let servers = try #require(reply.json["servers"] as? [[String: Any]])
      #expect(servers.compactMap { $0["url"] as? String } == ["/"])

      let head = try await send(.HEAD, node.baseURL + "/openapi.json")
      #expect(head.status == 200 && head.body.isEmpty)
      #expect(head.headers["Content-Length"] == ["\(reply.body.utf8.count)"])
    }
  }
}
