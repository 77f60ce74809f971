import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Usage: the current month of a key")
struct UsageTests {
  private static let path = RuntimeOperation.usage.path

  @Test("A key reads its own usage, including open reservations")
  func own() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 10), environment: .development)
    _ = try await service.ask(.verify("?requests=2&tokens=5", by: key))
    _ = try await service.reserve(#"{"requests":3,"stt_secs":60}"#, by: key)
    let before = try await service.store.meter()
    for call in [Call.runtime(.get, Self.path, by: key), .runtime(.get, Self.path, by: key).asScrubs()] {
      let answer = try await service.ask(call)
      #expect(answer.status == 200)
      try answer.expectBody(
        """
        {"key_id":"\(key.key.id.rawValue)",
         "organisation_id":"\(service.home.organisation.id.rawValue)","environment":"DEVELOPMENT",
         "limits":{"requests":{"limit":10,"used":5,"remaining":5,"reserved":3},
                   "tokens":{"limit":null,"used":5,"remaining":null,"reserved":0},
                   "stt_secs":{"limit":null,"used":60,"remaining":null,"reserved":60}},
         "period":"2024-01","resets_at":"2024-02-01T00:00:00Z"}
        """)
      #expect(answer.headers[values: .cacheControl] == ["no-store"])
      #expect(answer.headers[values: .keyIDHeader] == [key.key.id.rawValue])
    }
    #expect(try await service.store.meter().differences(from: before) == [], "reading is free")
  }

  @Test("A root key reads any key of its organisation, and each key itself by id")
  func byID() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 9))
    _ = try await service.ask(.verify("?tokens=4", by: key))
    for caller in [service.home.root, key] {
      let answer = try await service.ask(
        .runtime(.get, Self.path + "?id=\(key.key.id.rawValue)", by: caller))
      #expect(answer.status == 200)
      #expect(try answer.text("key_id") == key.key.id.rawValue)
      #expect(try answer.meter(.tokens, "used") == .whole(4))
    }
    let second = try await service.secondRoot()
    let answer = try await service.ask(
      .runtime(.get, Self.path + "?id=\(second.key.id.rawValue)", by: service.home.root))
    #expect(answer.status == 200)
  }

  @Test("A root key reads the usage of an ended key as long as it is listed")
  func endedKey() async throws {
    let service = try await Service()
    let key = try await service.key()
    _ = try await service.ask(.verify(by: key))
    try await service.store.revoke(key.key.id)
    let call = Call.runtime(.get, Self.path + "?id=\(key.key.id.rawValue)", by: service.home.root)
    #expect(try await service.ask(call).meter(.requests, "used") == .whole(1))
  }

  @Test("A child key gets 403 for any other id, existing or not")
  func child() async throws {
    let service = try await Service()
    let key = try await service.key()
    let others = [
      try await service.key().key.id, service.home.root.key.id, service.neighbour.root.key.id,
      KeyID(rawValue: "key_none"), KeyID(rawValue: "x"),
    ]
    for id in others {
      let answer = try await service.ask(.runtime(.get, Self.path + "?id=\(id.rawValue)", by: key))
      try expectProblem(answer, 403, code: "root_key_required")
    }
  }

  @Test("An unknown key and another tenant's get the same 404")
  func notFound() async throws {
    let service = try await Service()
    let foreign = try await service.key(of: service.neighbour)
    let deleted = try await service.key()
    #expect(try await service.asRoot(.delete, query: "?id=\(deleted.key.id.rawValue)").status == 200)
    var texts: Set<String> = []
    for id in [
      foreign.key.id.rawValue, service.neighbour.root.key.id.rawValue, deleted.key.id.rawValue,
      "key_000000000000000000000000", "x", "key_%00", "key_'",
    ] {
      let answer = try await service.ask(
        .runtime(.get, Self.path + "?id=\(id)", by: service.home.root).with(.requestIDHeader, "same"))
      try expectProblem(answer, 404, code: "key_not_found")
      texts.insert(answer.text)
    }
    #expect(texts.count == 1)
  }

  @Test(
    "An invalid query gets 400",
    arguments: [
      (query: "key_id=x", field: "key_id"), ("ID=x", "ID"), ("id=", "id"), ("id", "id"), ("id=a&id=a", "id"),
      ("id=a&x=1", "x"), ("requests=1", "requests"), ("%", ""),
    ])
  func badQuery(query: String, field: String) async throws {
    let service = try await Service()
    for caller in [service.home.root, try await service.key()] {
      let answer = try await service.ask(.runtime(.get, Self.path + "?" + query, by: caller))
      try expectProblem(answer, 400, code: "query_invalid", fields: [field])
    }
  }

  @Test("A new month starts at zero, and a reservation stays in its month")
  func newMonth() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 4))
    try service.clock.advance(to: "2024-01-31T23:59:59Z")
    _ = try await service.reserve(#"{"requests":4}"#, by: key)
    try service.clock.advance(to: "2024-02-01T00:00:00Z")
    let answer = try await service.ask(.runtime(.get, Self.path, by: key))
    #expect(try answer.text("period") == "2024-02")
    for (name, value) in [("used", 0), ("reserved", 0), ("remaining", 4)] as [(String, Int64)] {
      #expect(try answer.meter(.requests, name) == .whole(value))
    }
  }

  @Test("HEAD returns the headers of GET and no body")
  func head() async throws {
    let service = try await Service()
    let answer = try await service.ask(.runtime(.head, Self.path, by: service.home.root))
    #expect(answer.status == 200 && answer.bytes.isEmpty)
    #expect(answer.headers[.keyIDHeader] == service.home.root.key.id.rawValue)
  }
}
