import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("The request log of a real server", .timeLimit(.minutes(10)))
struct RequestLineTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  @Test("A request is logged as one JSON object or one line of text, with its ids")
  func formats() async throws {
    for format in ["json", "text"] {
      let environment = ["KEYMETER_LOG_FORMAT": format, "KEYMETER_LOG_LEVEL": "info"]
      try await Node.with(environment: environment) { node, database in
        let root = try await Node.organisation("clinic", on: database)
        let headers = [
          ("X-Request-Id", "mine-\(format)"), ("traceparent", "00-\(Self.trace)-\(Self.parent)-01"),
        ]
        let reply = try await send(
          .POST, node.baseURL + "/api/v1/api-key",
          headers: root.headers + headers + [("Content-Type", "application/json")],
          body: #"{"friendly_name":"Till"}"#)
        #expect(reply.status == 201)
        #expect(reply.headers["X-Request-Id"] == ["mine-\(format)"])
        for _ in 0..<5 { #expect(try await node.verify(root).status == 200) }
        let lines = try await requestLines(of: node)
        #expect(lines.count == 1, "verifications are not logged")
        try format == "json" ? expectJSON(lines[0], root) : expectText(lines[0], root)
      }
    }
  }

  @Test("At debug level each verification is logged with its trace id")
  func verification() async throws {
    try await Node.with(environment: ["KEYMETER_LOG_LEVEL": "debug"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      for parent in ["00-\(Self.trace)-\(Self.parent)-01", "00-\(Self.trace)-\(Self.parent)"] {
        _ = try await send(
          .GET, node.baseURL + "/api/v1/verify/marked?marked=1",
          headers: root.headers + [("traceparent", parent)])
      }
      let lines = try await requestLines(of: node)
      #expect(lines.count == 2)
      #expect(lines.allSatisfy { $0.contains(" key_id=\(root.keyID) ") && !$0.contains("marked") })
      #expect(lines.map { $0.contains(" trace_id=\(Self.trace)") } == [true, false])
    }
  }

  /// The log lines of requests, once the server has exited.
  private func requestLines(of node: Node) async throws -> [String] {
    node.process.signal(SIGTERM)
    _ = try await node.process.ended()
    return try node.process.log.split(separator: "\n").map(String.init).filter { $0.contains("duration_ms") }
  }

  private func expectJSON(_ line: String, _ root: Account) throws {
    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
    let fields = try #require(object)
    #expect(
      Set(fields.keys) == [
        "time", "level", "logger", "message", "request_id", "trace_id", "parent_id", "route", "method",
        "status", "duration_ms", "organisation_id", "key_id",
      ])
    #expect(fields["level"] == "info" && fields["message"] == "request")
    #expect(fields["request_id"] == "mine-json")
    #expect(fields["trace_id"] == Self.trace && fields["parent_id"] == Self.parent)
    #expect(fields["route"] == "/api/v1/api-key" && fields["method"] == "POST" && fields["status"] == "201")
    #expect(fields["key_id"] == root.keyID)
    #expect(fields["organisation_id"]?.hasPrefix("org_") == true)
  }

  private func expectText(_ line: String, _ root: Account) {
    let pattern = #"""
      ^\S+Z info request duration_ms=\d+\.\d{3} key_id=\#(root.keyID) method=POST organisation_id=org_\w+ \#
      parent_id=\#(Self.parent) request_id=mine-text route=/api/v1/api-key status=201 trace_id=\#(Self.trace)$
      """#
    #expect(line.range(of: pattern, options: .regularExpression) != nil, "\(line)")
  }
}
