import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("The audit log over HTTP and at the command line", .timeLimit(.minutes(10)))
struct AuditTests {
  /// The keys of an organisation, by the names that this test gives them.
  private struct Keys {
    private let accounts: Shared<[String: Account]>

    init(root: Account) { accounts = Shared(["root": root]) }

    subscript(_ name: String) -> Account {
      get { accounts.value[name] ?? Account(provider: "", key: "", keyID: "") }
      nonmutating set { accounts.value[name] = newValue }
    }

    /// An entry as "who: action target".
    func line(_ entry: [String: Any]) -> String {
      let principal = entry["principal"] as? [String: Any]
      let who = principal?["type"] as? String == "cli" ? "cli" : name(of: principal?["key_id"])
      return "\(who): \(entry["action"] ?? "") \(name(of: entry["target"]))"
    }

    private func name(of id: Any?) -> String {
      let id = id as? String ?? "none"
      return accounts.value.first { $0.value.keyID == id }?.key ?? id
    }
  }

  /// A step, and the entries that it must write.
  private typealias Step = (name: String, lines: [String], run: () async throws -> Void)

  @Test("The log has exactly one entry for each change in both dialects and at the command line")
  func everyChange() async throws {
    try await Node.with { node, database in
      let created = try Self.texts(
        try await ServerProcess.output(
          of: ["org", "create", "--provider-id", "clinic", "--name", "Clinic", "--json"], on: database
        ).output)
      let organisation = try #require(created["organisation_id"])
      let keys = Keys(root: try Self.root(created))
      var expected = ["cli: organisation.created \(organisation)", "cli: key.created root"]
      for step in scrubs(keys, node) + scrubbe(keys, node) + commandLine(keys, organisation, database) {
        try await step.run()
        expected += step.lines
        let reply = try await send(
          .GET, node.baseURL + "/api/v1/audit?limit=200", headers: keys["root"].bareHeaders)
        if reply.status == 200 {
          let data = reply.json["data"] as? [[String: Any]] ?? []
          #expect(data.reversed().map(keys.line) == expected, "\(step.name)")
        }
      }
      let printed = try await ServerProcess.output(
        of: ["audit", "--org", organisation, "--json"], on: database)
      let entries = try JSONSerialization.jsonObject(with: Data(printed.output.utf8)) as? [[String: Any]]
      #expect((entries ?? []).reversed().map(keys.line) == expected)
    }
  }

  private func scrubs(_ keys: Keys, _ node: Node) -> [Step] {
    func put(_ name: String, _ limit: Int) async throws {
      let body = #"{"id":"\#(keys[name].keyID)","usage_limit":\#(limit)}"#
      expect(200, try await node.apiKey(.PUT, keys["root"], body: body))
    }
    return [
      (
        "POST, repeated", ["root: key.created child"],
        {
          for _ in 0..<2 {
            keys["child"] = try keys["root"].child(
              try await node.post("api-key", keys["root"], #"{"friendly_name":"child"}"#, named: "child"))
          }
        }
      ),
      ("PUT", ["root: key.updated child"], { try await put("child", 5) }),
      ("PUT of the root key", ["root: key.updated root"], { try await put("root", 500) }),
      ("PUT without a change", [], { try await put("child", 5) }),
      (
        "a rejected POST, reads and a charge", [],
        {
          expect(400, try await node.apiKey(.POST, keys["root"], body: "{}"))
          expect(200, try await node.apiKey(.GET, keys["root"], query: "?list_all=true"))
          expect(200, try await node.verify(keys["root"]))
        }
      ),
      (
        "DELETE", ["root: key.deleted child"],
        { expect(200, try await node.apiKey(.DELETE, keys["root"], query: "?id=\(keys["child"].keyID)")) }
      ),
    ]
  }

  private func scrubbe(_ keys: Keys, _ node: Node) -> [Step] {
    func call(
      _ method: HTTPMethod, _ target: String, _ action: String, by caller: String, _ status: Int,
      body: String? = nil, named name: String? = nil
    ) async throws -> Reply {
      let reply = try await node.scrubbe(
        method, "/\(keys[target].keyID)\(action)", keys[caller], body: body, named: name)
      expect(status, reply)
      return reply
    }
    return [
      (
        "createapikey", ["root: key.created manager"],
        { keys["manager"] = try await node.issue(by: keys["root"], scopes: #"["apikeys:*","incidents:*"]"#) }
      ),
      (
        "createapikey by a manager, repeated", ["manager: key.created worker"],
        {
          for _ in 0..<2 {
            let reply = try await node.scrubbe(
              .POST, "/createapikey", keys["manager"],
              body: #"{"name":"w","environment":"PRODUCTION","scopes":["incidents:read"]}"#, named: "w")
            keys["worker"] = try keys["manager"].issued(reply)
          }
        }
      ),
      (
        "rejected calls and a list", [],
        {
          expect(400, try await node.scrubbe(.POST, "/createapikey", keys["manager"], body: "{}"))
          _ = try await call(.POST, "root", "/rotate", by: "manager", 403)
          _ = try await call(.DELETE, "root", "", by: "root", 409)
          expect(200, try await node.scrubbe(.GET, "/apikeys", keys["manager"]))
        }
      ),
      (
        "rotate, repeated", ["manager: key.rotated worker"],
        {
          for _ in 0..<2 {
            let reply = try await call(
              .POST, "worker", "/rotate", by: "manager", 200, body: #"{"overlapSecs":600}"#, named: "r")
            keys["worker"] = try keys["worker"].issued(reply)
          }
        }
      ),
      (
        "rotate itself", ["manager: key.rotated manager"],
        {
          let reply = try await call(.POST, "manager", "/rotate", by: "manager", 200)
          keys["manager"] = try keys["manager"].issued(reply)
        }
      ),
      (
        "revoke, repeated", ["manager: key.revoked worker"],
        { for _ in 0..<2 { _ = try await call(.POST, "worker", "/revoke", by: "manager", 200) } }
      ),
      (
        "DELETE in this dialect, repeated", ["root: key.deleted worker"],
        { for status in [200, 404] { _ = try await call(.DELETE, "worker", "", by: "root", status) } }
      ),
    ]
  }

  private func commandLine(_ keys: Keys, _ organisation: String, _ database: TestDatabase) -> [Step] {
    @discardableResult
    func run(_ arguments: String...) async throws -> String {
      let result = try await ServerProcess.output(of: arguments + ["--provider-id", "clinic"], on: database)
      #expect(result.code == 0, "\(arguments): \(result.output)")
      return result.output
    }
    return [
      (
        "key create-root", ["cli: key.created second root"],
        { keys["second root"] = try Self.root(Self.texts(try await run("key", "create-root", "--json"))) }
      ),
      (
        "org rename, repeated", ["cli: organisation.renamed \(organisation)"],
        { for _ in 0..<2 { try await run("org", "rename", "--name", "New") } }
      ),
      (
        "org delete", ["cli: organisation.deleted \(organisation)"],
        { try await run("org", "delete", "--yes") }
      ),
    ]
  }

  @Test("keymeter audit prints a table or JSON with all entries, filters by time, and names a wrong option")
  func command() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try root.child(
        try await node.apiKey(.POST, root, body: #"{"friendly_name":"Ward 7"}"#))
      func audit(_ arguments: String...) async throws -> (output: String, code: Int32) {
        try await ServerProcess.output(of: ["audit", "--org"] + arguments, on: database)
      }
      let table = try await audit("clinic")
      #expect(table.code == 0)
      let lines = table.output.split(separator: "\n")
      #expect(lines.count == 4 && lines[0].hasPrefix("occurred_at"))
      #expect(lines[1].contains(child.keyID) && lines[1].contains(#"friendly_name: null -> "Ward 7""#))
      #expect(!table.output.contains(child.key) && !table.output.contains(root.key))
      let none = try await audit("clinic", "--since", "2999-01-01T00:00:00Z", "--json")
      #expect(none.code == 0 && none.output == "[]\n")
      #expect(try await audit("clinic", "--since", "yesterday").code == 65)
      #expect(try await audit("unknown").code == 1)

      // More entries than a page holds.
      for number in 0..<210 {
        _ = try await node.apiKey(.PUT, root, body: #"{"id":"\#(root.keyID)","usage_limit":\#(number)}"#)
      }
      let all = try await audit("clinic", "--json")
      let entries = try JSONSerialization.jsonObject(with: Data(all.output.utf8)) as? [[String: Any]]
      let ids = entries?.compactMap { $0["id"] as? String } ?? []
      #expect(ids.count == 213 && Set(ids).count == 213)
    }
  }

  private func expect(_ status: Int, _ reply: Reply, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(reply.status == status, "\(reply.body)", sourceLocation: sourceLocation)
  }

  private static func root(_ created: [String: String]) throws -> Account {
    Account(
      provider: "clinic", key: try #require(created["root_key"]), keyID: try #require(created["root_key_id"]))
  }

  private static func texts(_ json: String) throws -> [String: String] {
    try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
  }
}
