import Foundation
import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

@Suite("The audit log, over the wire and at the command line", .timeLimit(.minutes(2)))
struct AuditTests {
  /// The keys that an organisation has had, by what a test calls them.
  private struct Life {
    private let keys: Shared<[String: Account]>

    init(root: Account) { keys = Shared(["root": root]) }

    subscript(_ name: String) -> Account {
      get { keys.value[name] ?? Account(provider: "", key: "", keyID: "") }
      nonmutating set { keys.value[name] = newValue }
    }

    /// A line of the log: who, what, and which.
    func line(_ object: [String: Any]) -> String {
      let principal = object["principal"] as? [String: Any]
      let who = principal?["type"] as? String == "cli" ? "cli" : name(of: principal?["key_id"])
      return "\(who): \(object["action"] ?? "nothing") \(name(of: object["target"]))"
    }

    private func name(of id: Any?) -> String {
      let id = id as? String ?? "nobody"
      return keys.value.first { $0.value.keyID == id }?.key ?? id
    }
  }

  /// One change: what makes it, and the lines that it must write.
  private struct Change {
    let name: String
    let lines: [String]
    let make: () async throws -> Void
  }

  @Test(
    "An organisation's life, in both dialects and at the command line, is what its log tells, and no more")
  func everyChange() async throws {
    try await Node.with { node, database in
      let made = try await keymeter(
        ["org", "create", "--provider-id", "clinic", "--name", "Clinic", "--json"], database)
      let object = try Self.texts(made.output)
      let organisation = try #require(object["organisation_id"])
      let life = Life(
        root: Account(
          provider: "clinic", key: try #require(object["root_key"]),
          keyID: try #require(object["root_key_id"])))
      let first = Change(
        name: "org create",
        lines: ["cli: organisation.created ORGANISATION", "cli: key.created root"]
      ) {}
      var expected: [String] = []
      for change in [first] + inScrubs(life, node) + inScrubbe(life, node) + atTheCommandLine(life, database)
      {
        try await change.make()
        expected += change.lines.map { $0.replacing("ORGANISATION", with: organisation) }
        #expect(try await lines(organisation, life, database) == expected, "\(change.name)")
        if change.name != "org delete" {
          let reply = try await send(
            .GET, node.baseURL + "/api/v1/audit?limit=200", headers: life["root"].bareHeaders)
          let data = reply.json["data"] as? [[String: Any]] ?? []
          #expect(data.reversed().map(life.line) == expected, "\(change.name), over the wire")
        }
      }
    }
  }

  private func inScrubs(_ life: Life, _ node: Node) -> [Change] {
    [
      Change(name: "POST", lines: ["root: key.created a"]) {
        life["a"] = try life["root"].child(
          try await node.apiKey(.POST, life["root"], body: #"{"friendly_name":"a"}"#))
      },
      Change(name: "PUT", lines: ["root: key.updated a"]) {
        _ = try await node.apiKey(
          .PUT, life["root"], body: #"{"id":"\#(life["a"].keyID)","usage_limit":5}"#)
      },
      Change(name: "PUT of itself", lines: ["root: key.updated root"]) {
        _ = try await node.apiKey(
          .PUT, life["root"], body: #"{"id":"\#(life["root"].keyID)","usage_limit":500}"#)
      },
      Change(name: "PUT of what is so already", lines: []) {
        _ = try await node.apiKey(
          .PUT, life["root"], body: #"{"id":"\#(life["a"].keyID)","usage_limit":5}"#)
      },
      Change(name: "a refused POST, a look, a charge", lines: []) {
        _ = try await node.apiKey(.POST, life["root"], body: "{}")
        _ = try await node.apiKey(.GET, life["root"], query: "?list_all=true")
        _ = try await node.verify(life["root"])
      },
      Change(name: "POST, and its repetition", lines: ["root: key.created b"]) {
        for _ in 0..<2 {
          life["b"] = try life["root"].child(
            try await node.post("api-key", life["root"], #"{"friendly_name":"b"}"#, named: "b"))
        }
      },
      Change(name: "DELETE", lines: ["root: key.deleted a"]) {
        _ = try await node.apiKey(.DELETE, life["root"], query: "?id=\(life["a"].keyID)")
      },
    ]
  }

  private func inScrubbe(_ life: Life, _ node: Node) -> [Change] {
    func path(_ name: String, _ action: String) -> String { "/\(life[name].keyID)\(action)" }
    return [
      Change(name: "createapikey", lines: ["root: key.created manager"]) {
        life["manager"] = try await node.issue(by: life["root"], scopes: #"["apikeys:*","incidents:*"]"#)
      },
      Change(name: "createapikey by a manager, and its repetition", lines: ["manager: key.created worker"]) {
        for _ in 0..<2 {
          let reply = try await node.scrubbe(
            .POST, "/createapikey", life["manager"],
            body: #"{"name":"w","environment":"PRODUCTION","scopes":["incidents:read"]}"#, named: "w")
          life["worker"] = try life["manager"].issued(reply)
        }
      },
      Change(name: "refused calls, a list, a charge", lines: []) {
        let manager = life["manager"]
        expect(400, try await node.scrubbe(.POST, "/createapikey", manager, body: "{}"))
        expect(403, try await node.scrubbe(.POST, path("root", "/rotate"), manager))
        expect(409, try await node.scrubbe(.DELETE, path("root", ""), life["root"]))
        expect(403, try await node.scrubbe(.GET, "/apikeys", life["worker"]))
        expect(200, try await node.scrubbe(.GET, "/apikeys", manager))
        expect(200, try await node.verify(life["worker"]))
      },
      Change(name: "rotate, and its repetition", lines: ["manager: key.rotated worker"]) {
        let old = life["worker"]
        for _ in 0..<2 {
          let reply = try await node.scrubbe(
            .POST, path("worker", "/rotate"), life["manager"], body: #"{"overlapSecs":600}"#, named: "r")
          life["worker"] = try old.issued(reply)
        }
        for value in [old, life["worker"]] { expect(200, try await node.verify(value)) }
      },
      Change(name: "rotate of itself", lines: ["manager: key.rotated manager"]) {
        let old = life["manager"]
        life["manager"] = try old.issued(try await node.scrubbe(.POST, path("manager", "/rotate"), old))
        expect(401, try await node.scrubbe(.GET, "/apikeys", old))
      },
      Change(name: "PUT in the other dialect", lines: ["root: key.updated worker"]) {
        _ = try await node.apiKey(
          .PUT, life["root"], body: #"{"id":"\#(life["worker"].keyID)","usage_limit":0}"#)
      },
      Change(name: "revoke, twice", lines: ["manager: key.revoked worker"]) {
        // A limit of 0 made it one that the manager could have issued all the same.
        for _ in 0..<2 {
          expect(200, try await node.scrubbe(.POST, path("worker", "/revoke"), life["manager"]))
        }
        expect(409, try await node.scrubbe(.POST, path("worker", "/rotate"), life["root"]))
        expect(401, try await node.verify(life["worker"]))
      },
      Change(name: "DELETE in this dialect", lines: ["root: key.deleted worker"]) {
        expect(200, try await node.scrubbe(.DELETE, path("worker", ""), life["root"]))
        expect(404, try await node.scrubbe(.DELETE, path("worker", ""), life["root"]))
      },
    ]
  }

  private func expect(_ status: Int, _ reply: Reply, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(reply.status == status, "\(reply.body)", sourceLocation: sourceLocation)
  }

  private func atTheCommandLine(_ life: Life, _ database: TestDatabase) -> [Change] {
    let provider = ["--provider-id", "clinic"]
    return [
      Change(name: "key create-root", lines: ["cli: key.created second root"]) {
        let made = try await keymeter(["key", "create-root", "--json"] + provider, database)
        let object = try Self.texts(made.output)
        life["second root"] = Account(
          provider: "clinic", key: try #require(object["root_key"]),
          keyID: try #require(object["root_key_id"]))
      },
      Change(name: "org rename", lines: ["cli: organisation.renamed ORGANISATION"]) {
        _ = try await keymeter(["org", "rename", "--name", "New"] + provider, database)
      },
      Change(name: "org rename to the same", lines: []) {
        _ = try await keymeter(["org", "rename", "--name", "New"] + provider, database)
      },
      Change(name: "org delete", lines: ["cli: organisation.deleted ORGANISATION"]) {
        _ = try await keymeter(["org", "delete", "--yes"] + provider, database)
      },
    ]
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

  /// The lines of an organisation, oldest first.
  private func lines(
    _ organisation: String, _ life: Life, _ database: TestDatabase
  ) async throws -> [String] {
    let printed = try await keymeter(["audit", "--org", organisation, "--json"], database)
    let lines = try JSONSerialization.jsonObject(with: Data(printed.output.utf8)) as? [[String: Any]]
    return (lines ?? []).reversed().map(life.line)
  }

  private static func texts(_ json: String) throws -> [String: String] {
    try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
  }
}
