import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Idempotency-Key: rejections")
struct IdempotencyRejectionTests {
  @Test(
    "Another body or path under the same key gets 422 and has no effect",
    arguments: RepeatedCall.allCases)
  func reused(call: RepeatedCall) async throws {
    let service = try await Service()
    let root = service.home.root
    _ = try await service.send(call.call("k", by: root))
    let elsewhere: RepeatedCall = call == .record ? .reserve : .record
    for other in [
      call.call("k", body: call.bodies.other, by: root), call.call("k", body: call.bodies.0 + " ", by: root),
      elsewhere.call("k", by: root),
    ] {
      let before = try await service.store.meter()
      try expectProblem(
        try await service.send(other), 422,
        code: "idempotency_key_reused")
      #expect(try await service.store.meter().differences(from: before) == [])
    }
    #expect(try await call.effects(of: root, on: service) == 1)
    #expect(try await service.send(call.call("k", by: root)).headers[.idempotencyReplayedHeader] == "true")
  }

  @Test(
    "A key whose first request is still in flight gets 409 with Retry-After", arguments: RepeatedCall.allCases
  )
  func inFlight(call: RepeatedCall) async throws {
    let service = try await Service()
    try await service.store.setNamesInFlight(true)
    let answer = try await service.send(call.call("k", by: service.home.root))
    try expectProblem(
      answer, 409, code: "idempotency_key_in_flight")
    #expect(answer.headers[values: .retryAfterHeader] == ["1"])
    try await service.store.setNamesInFlight(false)
    #expect(try await call.effects(of: service.home.root, on: service) == 0)
  }

  @Test(
    "An empty, overlong or invalid header gets 400 with its name",
    arguments: RepeatedCall.allCases,
    [
      "", #""""#, #"""#, #""a"#, #""a"b"#, #""a";p=1"#, #""a\b""#, #""a\"#, "a\tb", "\"a\tb\"", "é",
      String(repeating: "x", count: 256), "\"" + String(repeating: "x", count: 256) + "\"",
    ])
  func malformed(call: RepeatedCall, value: String) async throws {
    let service = try await Service()
    let answer = try await service.send(call.call(value, by: service.home.root))
    try expectProblem(
      answer, 400, code: "header_invalid", fields: ["Idempotency-Key"])
    #expect(try await call.effects(of: service.home.root, on: service) == 0)
  }

  @Test("A repeated header gets 400, even with equal values", arguments: RepeatedCall.allCases)
  func repeated(call: RepeatedCall) async throws {
    let service = try await Service()
    let twice = call.call("k", by: service.home.root).adding(.idempotencyKeyHeader, "k")
    try expectProblem(
      try await service.send(twice), 400, code: "header_invalid",
      fields: ["Idempotency-Key"])
  }

  @Test("Up to 255 characters are accepted, quoted or bare, and an escape counts as one")
  func longest() async throws {
    let service = try await Service()
    let longest = String(repeating: "x", count: 255)
    let escaped = "\"" + String(repeating: #"\\"#, count: 255) + "\""
    for value in [longest, "\"\(longest)\"", escaped] {
      #expect(try await service.send(RepeatedCall.record.call(value, by: service.home.root)).status == 200)
    }
    #expect(try await service.used(by: service.home.root).requests == 4)
  }

  @Test("An unauthenticated or unauthorised caller gets no hint about an invalid header")
  func afterAuthentication() async throws {
    let service = try await Service()
    let child = try await service.child()
    #expect(try await service.send(RepeatedCall.create.call("", by: child)).status == 403)
    try await service.store.revoke(child.key.id)
    for call in RepeatedCall.allCases {
      #expect(try await service.send(call.call("", by: child)).status == 401)
    }
  }

  @Test("A rejection is not stored, and a retry is judged again")
  func rejections() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 1))
    let reserve = RepeatedCall.reserve.call("k", by: key)
    let refused = try await service.send(reserve)
    #expect(refused.status == 429 && refused.headers[.retryAfterHeader] != nil)
    #expect(try refused.object["asked"] == .number("2"))

    let body = #"{"friendly_name":"T","linkage_id":"ward"}"#
    let first = try await service.child(linkage: "ward")
    let create = RepeatedCall.create.call("k", body: body, by: service.home.root)
    #expect(try await service.send(create).status == 409)
    let record = RepeatedCall.record.call("k", body: "{", by: key)
    #expect(try await service.send(record).status == 400)
    #expect(try await service.store.answers() == 0)

    #expect(try await service.asRoot(.delete, query: "?id=\(first.key.id.rawValue)").status == 200)
    #expect(try await service.send(create).status == 201)
    let raised = #"{"id":"\#(key.key.id.rawValue)","usage_limit":5}"#
    #expect(try await service.asRoot(.put, json: raised).status == 200)
    #expect(try await service.send(reserve).status == 201)
    #expect(try await service.send(RepeatedCall.record.call("k2", by: key)).status == 200)
  }

  @Test("The header is ignored on calls that are idempotent anyway")
  func ignored() async throws {
    let service = try await Service()
    let key = try await service.key()
    let id = try await service.reserve(#"{"requests":2}"#, by: key)
    let json = #"{"reservation_id":"\#(id)"}"#
    let settle = Call.runtime(.post, RuntimeOperation.settle.path, by: key, json: json)
    #expect(try await service.send(settle.with(.idempotencyKeyHeader, "")).status == 200)
    #expect(try await service.send(.verify(by: key).with(.idempotencyKeyHeader, "k")).status == 200)
    #expect(try await service.store.answers() == 0)
  }
}
