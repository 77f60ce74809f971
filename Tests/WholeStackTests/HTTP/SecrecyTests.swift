import KeymeterOps
import KeymeterTesting
import NIOHTTP1
import Subprocess
import SystemPackage
import Testing

@Suite("Secrecy of keys", .timeLimit(.minutes(10)))
struct SecrecyTests {
  @Test(
    "No key is in the database, an error, or the log at its most verbose level", arguments: ["text", "json"])
  func keysAreNowhere(format: String) async throws {
    let environment = ["KEYMETER_LOG_FORMAT": format, "KEYMETER_LOG_LEVEL": "trace"]
    try await Node.with(environment: environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let other = try await Node.organisation("other", on: database)
      var keys = [root.key, other.key]
      var replies: [Reply] = []
      for number in 0..<5 {
        let created = try await node.apiKey(.POST, root, body: #"{"friendly_name":"Child \#(number)"}"#)
        let child = try root.child(created)
        keys.append(child.key)
        let issued = try await node.issue(by: root)
        let rotated = try root.issued(
          try await node.scrubbe(.POST, "/\(issued.keyID)/rotate", root, body: #"{"overlapSecs":60}"#))
        keys += [issued.key, rotated.key]
        replies += try await scrubbeFailures(node, root, issued)
        replies += try await scrubsFailures(node, root, child, other)
      }
      try await database.run("ALTER TABLE keymeter.audit_log ADD CHECK (target <> target) NOT VALID")
      replies.append(try await node.apiKey(.POST, root, body: #"{"friendly_name":"Unlucky"}"#))
      #expect(replies.last?.status == 500)

      let dump = try await dump(of: database)
      let log = try node.process.log
      #expect(dump.contains("Child 4") && dump.contains(root.keyID), "the dump has the data")
      #expect(log.contains("audit_log"), "the log has the failure")
      for key in keys {
        // Without the prefix, which could have been cut off.
        let body = String(key.dropFirst(8).prefix(32))
        #expect(!dump.contains(body))
        #expect(!log.contains(body))
        #expect(replies.allSatisfy { !$0.body.contains(body) })
      }
    }
  }

  private func scrubsFailures(
    _ node: Node, _ root: Account, _ child: Account, _ other: Account
  ) async throws -> [Reply] {
    let mixed = Account(provider: other.provider, key: child.key, keyID: child.keyID)
    let unknown = Account(provider: "unknown", key: child.key, keyID: child.keyID)
    let broken = Account(provider: root.provider, key: String(child.key.dropLast()), keyID: child.keyID)
    return [
      try await node.apiKey(.GET, mixed),
      try await node.apiKey(.GET, unknown),
      try await node.apiKey(.GET, broken),
      try await node.apiKey(.POST, child, body: #"{"friendly_name":"x"}"#),
      try await node.apiKey(.GET, child, query: "?list_all=true"),
      try await node.apiKey(.POST, root, body: #"{"friendly_name":1}"#),
      try await node.apiKey(.PUT, root, body: #"{"id":"key_unknown"}"#),
      try await node.apiKey(.DELETE, root, query: "?id=\(root.keyID)"),
      try await node.apiKey(.PATCH, child),
      try await node.apiKey(.POST, root, body: #"{"\#(child.key)":1}"#),
      try await node.apiKey(.GET, root, query: "?\(child.key.dropFirst(8))=1"),
      try await node.verify(root, "?\(child.key)=1"),
      try await node.post("usage/record", root, #"{"\#(child.key)":1,"\#(child.key)":1}"#),
    ]
  }

  private func scrubbeFailures(_ node: Node, _ root: Account, _ key: Account) async throws -> [Reply] {
    [
      try await node.scrubbe(.GET, "/apikeys", root),
      try await node.scrubbe(.GET, "/apikeys?key=\(key.key)", root),
      try await node.scrubbe(.GET, "/apikeys?cursor=\(key.key)", root),
      try await node.scrubbe(.GET, "/apikeys?\(key.key)", root),
      try await node.scrubbe(.POST, "/\(key.key)/rotate", root),
      try await node.scrubbe(.POST, "/\(key.keyID)/revoke", root, body: #"{"key":"\#(key.key)"}"#),
      try await send(.GET, node.baseURL + "/api/v1/apikey/apikeys?X-API-Key=\(key.key)"),
    ]
  }

  private func dump(of database: TestDatabase) async throws -> String {
    let binaries = try PostgresBinaries.find()
    let dump = try await run(
      .path(FilePath(binaries.directory.appending("pg_dump").string)),
      arguments: ["--inserts", database.url], output: .string(limit: 16 * 1024 * 1024), error: .discarded)
    return dump.standardOutput
  }
}
