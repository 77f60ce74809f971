import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Leaked keys that GitHub reports", .timeLimit(.minutes(10)))
struct LeakTests {
  @Test("A reported key and its overlap secret are rejected on every node once the report is answered")
  func revokedEverywhere() async throws {
    try await Node.with(count: 2, environment: GitHub.test.environment) { nodes, database in
      let root = try await Node.organisation("clinic", on: database)
      let former = try await nodes[0].issue(by: root)
      let present = try former.issued(
        try await nodes[0].scrubbe(.POST, "/\(former.keyID)/rotate", root, body: #"{"overlapSecs":600}"#))
      let other = try await nodes[0].child(of: root)
      for key in [former, present, other] { #expect(try await nodes[1].verify(key).status == 200) }
      let reply = try await GitHub.test.report([former.key, "sk_live_nothing"], to: nodes[0])
      #expect(reply.status == 200 && reply.labels == ["true_positive", "false_positive"])
      for key in [former, present] { #expect(try await nodes[1].verify(key).status == 401) }
      #expect(try await nodes[1].verify(other).status == 200)
      let audit = try await send(
        .GET, nodes[1].baseURL + "/api/v1/audit?action=key.revoked", headers: root.bareHeaders)
      #expect(audit.body.contains(#""type":"github""#) && audit.body.contains("q=sk_live_..."))
      #expect(!audit.body.contains(former.key.dropFirst(8).prefix(32)))
      for node in nodes { #expect(try !node.process.log.contains(former.key.dropFirst(8).prefix(32))) }
    }
  }

  @Test("A leaked root key is revoked even if it is the last, and the command line creates another")
  func lastRoot() async throws {
    try await Node.with(environment: GitHub.test.environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      for _ in 0..<2 {
        let reply = try await GitHub.test.report([root.key], to: node)
        #expect(reply.status == 200 && reply.labels == ["true_positive"])
      }
      #expect(try await node.apiKey(.GET, root).status == 401)
      #expect(try node.process.log.contains("keymeter key create-root"))
      let created = try await ServerProcess.output(
        of: ["key", "create-root", "--provider-id", "clinic", "--json"], on: database)
      #expect(created.code == 0 && created.output.contains("root_key"))
    }
  }

  @Test(
    "GitHub's keys are read from a file, as PEM or as GitHub publishes them, and without any there is no path"
  )
  func settings() async throws {
    let (one, two) = (GitHub(identifier: "one"), GitHub(identifier: "two"))
    let published = try JSONSerialization.data(withJSONObject: [
      "public_keys": [one, two].map {
        ["key_identifier": $0.identifier, "key": $0.pem, "is_current": true] as [String: Any]
      }
    ])
    let texts = ["one:\(one.pem),two:\(two.pem)\n", String(decoding: published, as: UTF8.self)]
    try await TestDatabase.withMigrated { database in
      let root = try await Node.organisation("clinic", on: database)
      for text in texts {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).keys")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let environment = ["KEYMETER_GITHUB_SECRET_SCANNING_KEYS_FILE": file.path]
        try await Node.with(on: database, environment: environment) { node in
          for gitHub in [one, two] {
            let child = try await node.child(of: root)
            #expect(try await gitHub.report([child.key], to: node).labels == ["true_positive"])
            #expect(try await node.verify(child).status == 401)
          }
          #expect(try await GitHub.test.report([root.key], to: node).status == 401)
        }
      }
      try await Node.with(on: database) { node in
        let reply = try await one.report([root.key], to: node)
        #expect(reply.status == 404)
        #expect(try await node.apiKey(.GET, root).status == 200)
      }
    }
  }
}
