import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Unknown names in errors")
struct RedactedNameTests {
  @Test(
    "A short name of safe characters is returned",
    arguments: [
      "usage_limits", "a", "X-API-Key", "monthly.limit", "task_id", String(repeating: "x", count: 31),
    ])
  func reported(name: String) { #expect(RedactedName.of(name) == name) }

  @Test(
    "Any other name is replaced",
    arguments: [
      "", " ", "a b", "a\n", "é", "sk_", "sk_live", "sk_live_x", "sk_other_x", "xsk_dev_x", "a.sk_stag_x",
      "<script>", "a[]", String(repeating: "x", count: 32), "\u{212A}",
    ])
  func placeholder(name: String) { #expect(RedactedName.of(name) == RedactedName.placeholder) }

  @Test("A key in place of a name, whole or without its prefix, is in no response of any dialect")
  func everyDialect() async throws {
    let service = try await Service()
    let root = service.home.root
    let (key, body) = (root.secret.revealed, String(root.secret.revealed.dropFirst(8)))
    for name in [key, body, String(body.prefix(32)), "x_\(key)"] {
      let document = #"{"\#(name)":1}"#
      let twice = #"{"\#(name)":1,"\#(name)":1}"#
      var calls = [
        Call.scrubs(.get, query: "?\(name)=1", by: service.home.credentials),
        .scrubs(.delete, query: "?\(name)=1", by: service.home.credentials),
        .runtime(.get, Call.verifyPath + "?\(name)=1", by: root),
        .runtime(.get, RuntimeOperation.usage.path + "?\(name)", by: root),
        .runtime(.get, RuntimeOperation.audit.path + "?\(name)=1", by: root),
      ]
      for json in [document, twice] {
        calls += [HTTPRequest.Method.post, .put].map {
          .scrubs($0, by: service.home.credentials, json: json)
        }
        calls += RuntimeOperation.withBody.map { .runtime(.post, $0.path, by: root, json: json) }
        calls += ScrubbeOperation.withBody.map { $0.call(by: root.secret, on: root.key.id, json: json) }
      }
      calls += ScrubbeOperation.allCases.map {
        $0.call(by: root.secret, on: root.key.id, query: "?\(name)=1")
      }
      for call in calls {
        let answer = try await service.send(call)
        // For its own record the Scrubs dialect ignores unknown parameters.
        #expect(answer.status == (call.uri.hasPrefix(Call.path + "?") && call.method == .get ? 200 : 400))
        #expect(!answer.text.contains(String(body.prefix(32))), "\(call.method) \(call.uri)")
      }
    }
  }

  @Test("A key in place of a scope is in no rejection")
  func scope() async throws {
    let service = try await Service()
    let manager = try await service.issue(scopes: ["apikeys:*"])
    let key = service.home.root.secret.revealed
    for (scope, reported) in [
      (key, "which"), ("\(key):*", ":*, which"), ("incidents:read", "incidents:read"),
    ] {
      let answer = try await service.scrubbe(
        .create, by: manager.secret,
        json: #"{"name":"T","environment":"PRODUCTION","scopes":["\#(scope)"]}"#)
      try expectRejection(answer, 403, code: "beyond_own_authority", fields: ["scopes"])
      #expect(try answer.text("message").contains(reported) && !answer.text.contains(key))
    }
  }

  @Test("At most 16 unknown parameters are reported")
  func many() throws {
    let query = try QueryParameters((0..<40).map { "p\($0)=1" }.joined(separator: "&"))
    do {
      try query.allow([])
      Issue.record("the query was allowed")
    } catch {
      guard case .invalidQuery(let violations) = error else { throw error }
      #expect(violations.map(\.field) == (0..<16).map { "p\($0)" })
    }
  }
}
