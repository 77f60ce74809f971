import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("The audit log over HTTP")
struct AuditTests {
  @Test("200 returns the caller, action, target, time, request id and changed fields of an entry")
  func line() async throws {
    let service = try await Service()
    let child = try await service.child(limits: MonthlyLimits(requests: 10))
    service.clock.advance(seconds: 60)
    let update =
      #"{"id":"\#(child.key.id)","friendly_name":"Desk","usage_limit":null,"monthly_token_limit":0}"#
    let call = Call.scrubs(.put, by: service.home.credentials, json: update)
    #expect(try await service.send(call.with(.requestIDHeader, "my-request")).status == 200)
    let answer = try await service.audit("?limit=1")
    #expect(answer.status == 200)
    let root = service.home.root.key
    let data = try answer.object["data"]
    #expect(
      data
        == (try JSONReader.read(
          text: """
            [{"id":"\(service.store.auditLog.count)","occurred_at":"2024-01-15T10:31:00Z",
              "principal":{"type":"key","key_id":"\(root.id)","key_hint":"\(root.hint)"},
              "action":"key.updated","target":"\(child.key.id)","request_id":"my-request",
              "changes":{"friendly_name":{"old":"Till","new":"Desk"},
                         "monthly_token_limit":{"old":null,"new":0},
                         "usage_limit":{"old":10,"new":null}}}]
            """)))
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
  }

  @Test("A change on the command line is attributed to cli, and lists and flags keep their JSON types")
  func commandLine() async throws {
    let service = try await Service()
    let answer = try await service.audit("?action=key.created")
    guard case .array(let data)? = try answer.object["data"], let line = data.last else {
      Issue.record("no entry")
      return
    }
    #expect(line["principal"] == (try JSONReader.read(text: #"{"type":"cli"}"#)))
    #expect(line["changes"]?["root"]?["new"] == .bool(true))
    #expect(line["changes"]?["scopes"]?["new"] == .array([.string("*")]))
  }

  @Test(
    "Paging returns every entry once, newest first, while entries are added",
    arguments: [1, 2, 3, 50])
  func paging(limit: Int) async throws {
    let service = try await Service()
    for _ in 0..<3 { _ = try await service.child() }
    let all = try await service.audit("?limit=200").ids
    #expect(all.count == 5)
    #expect(all == all.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) })
    var seen: [String] = []
    var cursor: String?
    repeat {
      let answer = try await service.audit("?limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""))
      seen += try answer.ids
      #expect(try answer.ids.count <= limit)
      #expect(try answer.object["pagination"]?["limit"] == .whole(Int64(limit)))
      cursor = try answer.nextCursor
      _ = try await service.child()
    } while cursor != nil
    #expect(seen == all)
  }

  @Test("Filters can be combined, and the default limit is 50")
  func filters() async throws {
    let service = try await Service()
    let child = try await service.child()
    service.clock.advance(seconds: 3_600)
    #expect(try await service.asRoot(.delete, query: "?id=\(child.key.id)").status == 200)
    for _ in 0..<60 { _ = try await service.child() }
    #expect(try await service.audit().ids.count == 50)
    #expect(try await service.audit("?target=\(child.key.id)").ids.count == 2)
    #expect(try await service.audit("?target=\(child.key.id)&action=key.deleted").ids.count == 1)
    #expect(try await service.audit("?target=key_unknown").ids == [])
    #expect(try await service.audit("?action=organisation.renamed").ids == [])
    #expect(try await service.audit("?since=2024-01-15T11:30:00Z&limit=200").ids.count == 61)
    #expect(try await service.audit("?since=2024-01-15T12:30:00%2B01:00&limit=200").ids.count == 61)
    #expect(try await service.audit("?since=2024-01-15T11:30:01Z").ids == [])
  }

  @Test("A root key reads its own organisation's log only, with both kinds of credentials")
  func ownOrganisation() async throws {
    let service = try await Service()
    _ = try await service.child(of: service.neighbour)
    let own = Set(try await service.audit().ids)
    let call = Call.runtime(.get, RuntimeOperation.audit.path, by: service.neighbour.root)
    let other = Set(try await service.ask(call).ids)
    #expect(own.count == 2 && other.count == 3 && own.isDisjoint(with: other))
    #expect(try await Set(service.ask(call.asScrubs(provider: "neighbour")).ids) == other)
    #expect(try await service.ask(call.asScrubs()).status == 401)
    let foreign = try await service.audit("?target=\(service.neighbour.root.key.id)")
    #expect(try foreign.ids == [])
  }

  @Test("A child key gets 403 for every query")
  func childKey() async throws {
    let service = try await Service()
    let child = try await service.key()
    for query in ["", "?limit=0"] {
      let answer = try await service.ask(.runtime(.get, RuntimeOperation.audit.path + query, by: child))
      try expectProblem(answer, 403, code: "root_key_required")
    }
  }

  @Test(
    "An unknown, repeated or invalid parameter gets 400 with its name",
    arguments: [
      ("?acton=key.created", "acton"), ("?limit=0", "limit"), ("?limit=201", "limit"), ("?limit=", "limit"),
      ("?limit=%2B5", "limit"), ("?limit=5&limit=5", "limit"), ("?limit=99999999999999999999", "limit"),
      ("?cursor=", "cursor"), ("?cursor=0", "cursor"), ("?cursor=abc", "cursor"), ("?cursor=-1", "cursor"),
      ("?action=key.made", "action"), ("?action=", "action"), ("?target=", "target"),
      ("?target=a%00b", "target"), ("?target=%C3%A9", "target"), ("?since=yesterday", "since"),
      ("?since=2024-01-15", "since"), ("?since=2024-01-15T12:30:00+01:00", "since"),
    ])
  func invalid(query: String, field: String) async throws {
    let service = try await Service()
    try expectProblem(
      try await service.audit(query), 400, code: "query_invalid", fields: [field])
  }
}

extension Service {
  fileprivate func audit(_ query: String = "") async throws -> Answer {
    try await ask(.runtime(.get, RuntimeOperation.audit.path + query, by: home.root))
  }
}

extension Answer {
  /// The ids of the entries, in order.
  fileprivate var ids: [String] {
    get throws {
      guard case .array(let data)? = try object["data"] else { throw NoSuchText(name: "data") }
      return data.compactMap { if case .string(let id)? = $0["id"] { id } else { nil } }
    }
  }

  fileprivate var nextCursor: String? {
    get throws {
      if case .string(let cursor)? = try object["pagination"]?["next_cursor"] { cursor } else { nil }
    }
  }
}
