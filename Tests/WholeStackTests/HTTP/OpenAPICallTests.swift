import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("GET /openapi.json of the executable", .timeLimit(.minutes(2)))
struct OpenAPICallTests {
  @Test("The executable brings the document along, for its own version and the node that is asked")
  func document() async throws {
    try await Node.with { node, _ in
      let reply = try await send(.GET, node.baseURL + "/openapi.json")
      #expect(reply.status == 200)
      #expect(reply.headers["Content-Type"] == ["application/json"])
      let version = try #require((reply.json["info"] as? [String: Any])?["version"] as? String)
      #expect(try await Self.printedVersion() == "keymeter \(version)\n")
      let servers = try #require(reply.json["servers"] as? [[String: Any]])
      #expect(servers.compactMap { $0["url"] as? String } == ["/"])

      let head = try await send(.HEAD, node.baseURL + "/openapi.json")
      #expect(head.status == 200 && head.body.isEmpty)
      #expect(head.headers["Content-Length"] == ["\(reply.body.utf8.count)"])
    }
  }

  private static func printedVersion() async throws -> String {
    let process = try await ServerProcess.start(["--version"], environment: [:])
    _ = try await process.ended()
    let output = try process.log
    await process.discard()
    return output
  }
}
