import Foundation
import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

@Suite("The audit log, over the wire and at the command line", .timeLimit(.minutes(2)))
struct AuditTests {
  /// One change: what makes it, and the lines that it must write.
  private struct Change {
    let name: String
    let lines: [String]
    let make: () async throws -> Void
  }

  @Test("Every change writes its line, and nothing else does")
  func everyChange() async throws {
    try await Node.with { node, database in
      let made = try await keymeter(
        ["org", "create", "--provider-id", "clinic", "--name", "Clinic", "--json"], database)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: String])
      let organisation = try #require(object["organisation_id"])
      let root = Account(
        provider: "clinic", key: try #require(object["root_key"]), keyID: try #require(object["root_key_id"]))
      let child = Shared<Account?>(nil)
      func childID() -> String { child.value?.keyID ?? "" }
      let provider = ["--provider-id", "clinic"]
      let changes = [
        Change(name: "org create", lines: ["cli organisation.created", "cli key.created"]) {},
        Change(name: "POST", lines: ["key key.created"]) {
          child.value = try root.child(try await node.apiKey(.POST, root, body: #"{"friendly_name":"a"}"#))
        },
        Change(name: "PUT", lines: ["key key.updated"]) {
          _ = try await node.apiKey(.PUT, root, body: #"{"id":"\#(childID())","usage_limit":5}"#)
        },
        Change(name: "PUT of itself", lines: ["key key.updated"]) {
          _ = try await node.apiKey(.PUT, root, body: #"{"id":"\#(root.keyID)","usage_limit":500}"#)
        },
        Change(name: "PUT of what is so already", lines: []) {
          _ = try await node.apiKey(.PUT, root, body: #"{"id":"\#(childID())","usage_limit":5}"#)
        },
        Change(name: "a refused POST, a look, a charge", lines: []) {
          _ = try await node.apiKey(.POST, root, body: "{}")
          _ = try await node.apiKey(.GET, root, query: "?list_all=true")
          _ = try await node.verify(root)
        },
        Change(name: "POST, and its repetition", lines: ["key key.created"]) {
          for _ in 0..<2 { _ = try await node.post("api-key", root, #"{"friendly_name":"b"}"#, named: "b") }
        },
        Change(name: "DELETE", lines: ["key key.deleted"]) {
          _ = try await node.apiKey(.DELETE, root, query: "?id=\(childID())")
        },
        Change(name: "key create-root", lines: ["cli key.created"]) {
          _ = try await keymeter(["key", "create-root"] + provider, database)
        },
        Change(name: "org rename", lines: ["cli organisation.renamed"]) {
          _ = try await keymeter(["org", "rename", "--name", "New"] + provider, database)
        },
        Change(name: "org rename to the same", lines: []) {
          _ = try await keymeter(["org", "rename", "--name", "New"] + provider, database)
        },
        Change(name: "org delete", lines: ["cli organisation.deleted"]) {
          _ = try await keymeter(["org", "delete", "--yes"] + provider, database)
        },
      ]
      var expected: [String] = []
      for change in changes {
        try await change.make()
        expected += change.lines
        #expect(try await lines(organisation, database) == expected, "\(change.name)")
        if change.name != "org delete" {
          let reply = try await send(
            .GET, node.baseURL + "/api/v1/audit?limit=200", headers: root.bareHeaders)
          let data = reply.json["data"] as? [[String: Any]] ?? []
          #expect(data.reversed().map(Self.line) == expected, "\(change.name), over the wire")
        }
      }
    }
  }

  @Test("keymeter audit prints a table or JSON, from a moment on, and says what is wrong with its options")
  func command() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try root.child(
        try await node.apiKey(.POST, root, body: #"{"friendly_name":"Ward 7"}"#))
      let table = try await keymeter(["audit", "--org", "clinic"], database)
      #expect(table.code == 0)
      let lines = table.output.split(separator: "\n")
      #expect(lines.count == 4 && lines[0].hasPrefix("occurred_at"))
      #expect(lines[1].contains(child.keyID) && lines[1].contains(#"friendly_name: null -> "Ward 7""#))
      #expect(!table.output.contains(child.key) && !table.output.contains(root.key))
      let none = try await keymeter(
        ["audit", "--org", "clinic", "--since", "2999-01-01T00:00:00Z", "--json"], database)
      #expect(none.code == 0 && none.output == "[]\n")
      let wrong = try await keymeter(["audit", "--org", "clinic", "--since", "yesterday"], database)
      #expect(wrong.code == 65 && wrong.output.contains("since"))
      let unknown = try await keymeter(["audit", "--org", "nobody"], database)
      #expect(unknown.code == 1 && unknown.output.contains("no organisation has this provider id"))
    }
  }

  @Test("More lines than a page has are all printed")
  func manyLines() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      for number in 0..<210 {
        _ = try await node.apiKey(.PUT, root, body: #"{"id":"\#(root.keyID)","usage_limit":\#(number)}"#)
      }
      let all = try await keymeter(["audit", "--org", "clinic", "--json"], database)
      let lines = try JSONSerialization.jsonObject(with: Data(all.output.utf8)) as? [[String: Any]]
      let ids = lines?.compactMap { $0["id"] as? String } ?? []
      #expect(ids.count == 212 && Set(ids).count == 212)
    }
  }

  private func keymeter(
    _ arguments: [String], _ database: TestDatabase
  ) async throws -> (output: String, code: Int32) {
    let process = try await ServerProcess.start(
      arguments, environment: ["DATABASE_URL": database.url, "KEYMETER_PEPPERS": Node.peppers])
    let status = try await process.ended()
    let output = try process.log
    await process.discard()
    guard case .exited(let code) = status else { throw TestFailure("keymeter ended by \(status)") }
    return (output, code)
  }

  /// The lines of an organisation, oldest first: whose, and what.
  private func lines(_ organisation: String, _ database: TestDatabase) async throws -> [String] {
    let printed = try await keymeter(["audit", "--org", organisation, "--json"], database)
    let lines = try JSONSerialization.jsonObject(with: Data(printed.output.utf8)) as? [[String: Any]]
    return (lines ?? []).reversed().map(Self.line)
  }

  private static func line(_ object: [String: Any]) -> String {
    let principal = object["principal"] as? [String: Any]
    return "\(principal?["type"] ?? "nobody") \(object["action"] ?? "nothing")"
  }
}
