import KeymeterOps
import KeymeterTesting
import NIOHTTP1
import Postgres
import Subprocess
import SystemPackage
import Testing

@Suite("No plaintext key is kept or told", .timeLimit(.minutes(2)))
struct SecrecyTests {
  @Test("No key is in the database, the log at its most talkative, or an error", arguments: ["text", "json"])
  func keysAreNowhere(format: String) async throws {
    try await Node.with(environment: ["KEYMETER_LOG_FORMAT": format]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let other = try await Node.organisation("other", on: database)
      var keys = [root.key, other.key]
      var answers: [Reply] = []
      for number in 0..<5 {
        let created = try await node.apiKey(.POST, root, body: #"{"friendly_name":"Child \#(number)"}"#)
        let child = try root.child(created)
        keys.append(child.key)
        let issued = try await node.issue(by: root)
        let rotated = try root.issued(
          try await node.scrubbe(.POST, "/\(issued.keyID)/rotate", root, body: #"{"overlapSecs":60}"#))
        keys += [issued.key, rotated.key]
        answers += try await everyWayToFailInScrubbe(node, root, issued)
        answers += try await everyWayToFail(node, root, child, other)
      }
      try await breakTheDatabase(database)
      answers.append(try await node.apiKey(.POST, root, body: #"{"friendly_name":"Unlucky"}"#))
      #expect(answers.last?.status == 500)

      let dump = try await dumpOfEverything(database)
      let log = try node.process.log
      #expect(dump.contains("Child 4") && dump.contains(root.keyID), "the dump holds the data")
      #expect(log.contains("audit_log"), "the log holds the failure")
      for key in keys {
        // The body alone too: the prefix could be cut off and the rest kept.
        let body = String(key.dropFirst(8).prefix(32))
        #expect(!dump.contains(body))
        #expect(!log.contains(body))
        #expect(answers.allSatisfy { !$0.body.contains(body) })
      }
    }
  }

  private func everyWayToFail(
    _ node: Node, _ root: Account, _ child: Account, _ other: Account
  ) async throws -> [Reply] {
    let mixed = Account(provider: other.provider, key: child.key, keyID: child.keyID)
    let unknown = Account(provider: "nobody", key: child.key, keyID: child.keyID)
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

  private func everyWayToFailInScrubbe(_ node: Node, _ root: Account, _ key: Account) async throws -> [Reply]
  {
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

  private func breakTheDatabase(_ database: TestDatabase) async throws {
    try await database.withPool { pool in
      try await pool.withConnection {
        try await $0.executeScript("ALTER TABLE keymeter.audit_log ADD CHECK (target <> target) NOT VALID")
      }
    }
  }

  private func dumpOfEverything(_ database: TestDatabase) async throws -> String {
    let binaries = try await PostgresBinaries.find()
    let dump = try await run(
      .path(FilePath(binaries.directory.appending("pg_dump").string)),
      arguments: ["--inserts", database.url], output: .string(limit: 16 * 1024 * 1024), error: .discarded)
    return dump.standardOutput
  }
}
