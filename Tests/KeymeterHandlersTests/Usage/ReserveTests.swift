import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Reserve: a charge before the true amounts are known")
struct ReserveTests {
  @Test("201 returns the reservation, its expiry and the usage including its amounts")
  func created() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(tokens: 1_000))
    let call = Call.runtime(
      .post, RuntimeOperation.reserve.path, by: key, json: #"{"requests":1,"tokens":300,"stt_secs":20}"#)
    let answer = try await service.ask(call)
    #expect(answer.status == 201)
    let id = try answer.text("reservation_id")
    #expect(id.contains(/^rsv_[0-9A-Za-z]{20,}$/))
    try answer.expectBody(
      """
      {"reservation_id":"\(id)","expires_at":"2024-01-15T10:45:00Z",
       "limits":{"requests":{"limit":null,"used":1,"remaining":null},
                 "tokens":{"limit":1000,"used":300,"remaining":700},
                 "stt_secs":{"limit":null,"used":20,"remaining":null}},
       "period":"2024-01","resets_at":"2024-02-01T00:00:00Z"}
      """)
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
    #expect(answer.headers[values: .keyIDHeader] == [key.key.id.rawValue])
    #expect(try await service.ask(call).text("reservation_id") != id)
  }

  @Test("Reserved amounts count as used at once, for reservations and verifications")
  func counts() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 3))
    _ = try await service.reserve(#"{"requests":2}"#, by: key)
    #expect(try await service.used(by: key) == Amounts(requests: 2))
    #expect(try await service.reserved(by: key) == Amounts(requests: 2))
    #expect(try await service.ask(.verify(by: key)).status == 200)
    #expect(try await service.ask(.verify(by: key)).status == 429)
  }

  @Test(
    "hold_secs is 1 to 86400 and defaults to 900",
    arguments: [
      (member: "", end: "2024-01-15T10:45:00Z"), (#","hold_secs":1"#, "2024-01-15T10:30:01Z"),
      (#","hold_secs":900"#, "2024-01-15T10:45:00Z"), (#","hold_secs":86400"#, "2024-01-16T10:30:00Z"),
      (#","hold_secs":86400.0"#, "2024-01-16T10:30:00Z"), (#","hold_secs":1e2"#, "2024-01-15T10:31:40Z"),
    ])
  func holdSeconds(member: String, end: String) async throws {
    let service = try await Service()
    let answer = try await service.ask(
      .runtime(
        .post, RuntimeOperation.reserve.path, by: service.home.root, json: #"{"requests":1\#(member)}"#))
    #expect(answer.status == 201)
    #expect(try answer.text("expires_at") == end)
  }

  @Test(
    "A hold_secs out of range is rejected, and nothing is held",
    arguments: ["0", "86401", "-1", "1.5", "\"900\"", "null", "true", "[]", "9223372036854775808", "1e400"])
  func badHoldSeconds(value: String) async throws {
    try await expectRejection(#"{"requests":1,"hold_secs":\#(value)}"#, fields: ["hold_secs"])
  }

  @Test(
    "on_expiry decides what happens to an unsettled reservation, which is released by default",
    arguments: [
      (member: "", left: Amounts.zero), (#","on_expiry":"release""#, .zero),
      (#","on_expiry":"charge""#, Amounts(requests: 2, tokens: 9)),
    ])
  func onExpiry(member: String, left: Amounts) async throws {
    let service = try await Service()
    let key = try await service.key()
    _ = try await service.reserve(#"{"requests":2,"tokens":9,"hold_secs":10\#(member)}"#, by: key)
    service.clock.advance(seconds: 10)
    #expect(try await service.store.sweepExpiredReservations() == 1)
    #expect(try await service.used(by: key) == left)
    #expect(try await service.reserved(by: key) == .zero)
  }

  @Test(
    "An unknown on_expiry is rejected",
    arguments: ["\"\"", "\"Release\"", "\"keep\"", "null", "1", "\"release \""])
  func badOnExpiry(value: String) async throws {
    try await expectRejection(#"{"requests":1,"on_expiry":\#(value)}"#, fields: ["on_expiry"])
  }

  @Test(
    "A reservation of zero amounts is rejected",
    arguments: [
      "{}", #"{"requests":0}"#, #"{"requests":0,"tokens":0,"stt_secs":0}"#, #"{"hold_secs":5}"#,
      #"{"tokens":-0}"#,
    ])
  func nothing(json: String) async throws {
    try await expectRejection(json, fields: ["requests"])
  }

  @Test("All errors are reported at once")
  func everything() async throws {
    try await expectRejection(
      #"{"requests":-1,"tokens":"1","hold_secs":0,"on_expiry":"x","ttl":1}"#,
      fields: ["requests", "tokens", "hold_secs", "on_expiry", "ttl"])
  }

  private func expectRejection(
    _ json: String, fields: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(
      .runtime(.post, RuntimeOperation.reserve.path, by: service.home.root, json: json),
      sourceLocation: sourceLocation)
    try expectProblem(
      answer, 400, code: "body_invalid", fields: fields,
      sourceLocation: sourceLocation)
  }
}
