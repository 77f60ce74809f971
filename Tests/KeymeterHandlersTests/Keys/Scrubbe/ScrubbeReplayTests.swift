import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe: Idempotency-Key on create and rotate")
struct ScrubbeReplayTests {
  private static let calls: [ScrubbeOperation] = [.create, .rotate]

  @Test(
    "A retry has no second effect and gets the first response byte for byte, including the secret",
    arguments: calls)
  func replayed(call: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let named = call.named("order-7", on: child.key.id, by: service.home.root)
    let first = try await service.send(named)
    #expect(first.status == (call == .create ? 201 : 200))
    #expect(first.headers[.idempotencyReplayedHeader] == nil)
    let secret = try #require(try first.data.text("key"))
    let after = try await service.keysOfHome()
    service.clock.advance(seconds: 3_600)
    for _ in 0..<2 {
      let again = try await service.send(named)
      #expect(again.status == first.status && again.bytes == first.bytes)
      #expect(again.headers[values: .idempotencyReplayedHeader] == ["true"])
      #expect(again.headers[.contentType] == first.headers[.contentType])
      #expect(again.headers[.cacheControl] == first.headers[.cacheControl])
    }
    #expect(try await service.keysOfHome().map(\.hint) == after.map(\.hint))
    let presented = try #require(KeySecret(presented: secret))
    #expect(try await service.keys.ownKey(.init(secret: presented)).hint == presented.hint)
    // Without the header, or with another key, it is a new request.
    let fresh = named.with(.idempotencyKeyHeader, nil)
    for other in [fresh, named.with(.idempotencyKeyHeader, "order-8")] {
      #expect(try await service.send(other).data.text("key") != secret)
    }
  }

  @Test("Another body or path under the same key gets 422 and has no effect", arguments: calls)
  func reused(call: ScrubbeOperation) async throws {
    let service = try await Service()
    let (child, other) = (try await service.child(), try await service.child())
    let root = service.home.root
    let named = call.named("k", on: child.key.id, by: root)
    _ = try await service.send(named)
    let before = try await service.keysOfHome()
    let body = call == .create ? ScrubbeOperation.newKey + " " : #"{"overlapSecs":60}"#
    let elsewhere: ScrubbeOperation = call == .create ? .rotate : .create
    for other in [
      named.sending(Array(body.utf8)), elsewhere.named("k", on: child.key.id, by: root),
      ScrubbeOperation.rotate.named("k", on: other.key.id, by: root),
    ] {
      try expectRejection(try await service.send(other), 422, code: "idempotency_key_reused")
    }
    #expect(try await service.keysOfHome().map(\.hint) == before.map(\.hint))
    #expect(try await service.send(named).headers[.idempotencyReplayedHeader] == "true")
  }

  @Test("A key whose first request is still in flight gets 409 with Retry-After", arguments: calls)
  func inFlight(call: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let named = call.named("k", on: child.key.id, by: service.home.root)
    try await service.store.setNamesInFlight(true)
    let before = try await service.keysOfHome()
    let answer = try await service.send(named)
    try expectRejection(answer, 409, code: "idempotency_key_in_flight")
    #expect(answer.headers[values: .retryAfterHeader] == ["1"])
    #expect(try await service.keysOfHome().map(\.hint) == before.map(\.hint))
    try await service.store.setNamesInFlight(false)
    #expect(try await service.send(named).status < 300)
  }

  @Test(
    "An invalid header gets 400 with its name, but only for an authorised caller", arguments: calls,
    ["", #""a"#, "é", String(repeating: "x", count: 256)])
  func malformed(call: ScrubbeOperation, value: String) async throws {
    let service = try await Service()
    let child = try await service.issue(scopes: ["incidents:read"])
    let named = call.named(value, on: child.key.id, by: service.home.root)
    let answer = try await service.send(named)
    try expectRejection(answer, 400, code: "header_invalid", fields: ["Idempotency-Key"])
    let asked = named.with(.apiKeyHeader, child.secret.revealed)
    try expectRejection(try await service.send(asked), 403, code: "scope_required")
    try await service.store.revoke(child.key.id)
    try expectRejection(try await service.send(asked), 401, code: "authentication_failed")
    #expect(try await service.store.answers() == 0)
  }

  @Test(
    "Revoking or deleting the key does not change a replayed response",
    arguments: calls, [ScrubbeOperation.revoke, .delete])
  func endedSince(call: ScrubbeOperation, end: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let named = call.named("k", on: child.key.id, by: service.home.root)
    let first = try await service.send(named)
    let id = KeyID(rawValue: try #require(try first.data.text("id")))
    #expect(try await service.scrubbe(end, on: id).status == 200)
    let again = try await service.send(named)
    #expect(again.status == first.status && again.bytes == first.bytes)
    let status = end == .revoke ? 409 : 404
    #expect(try await service.scrubbe(.rotate, on: id).status == status)
  }

  @Test("A key that rotated itself gets the lost response with its old secret while the overlap lasts")
  func lostAnswer() async throws {
    let service = try await Service()
    let manager = try await service.issue(scopes: ["apikeys:*"])
    let named = ScrubbeOperation.rotate.named("k", on: manager.key.id, by: manager)
      .sending(Array(#"{"overlapSecs":60}"#.utf8))
    let lost = try await service.send(named)
    let again = try await service.send(named)
    #expect(again.status == 200 && again.bytes == lost.bytes)
    // The new secret is the same caller but can't open what was sealed under the old one.
    let new = try #require(try lost.data.text("key"))
    let renewed = try await service.send(named.with(.apiKeyHeader, new))
    try expectRejection(renewed, 422, code: "idempotency_answer_unreadable")
    service.clock.advance(seconds: 61)
    try expectRejection(try await service.send(named), 401, code: "authentication_failed")
    let fresh = try await service.scrubbe(
      .rotate, by: KeySecret(presented: new), on: manager.key.id)
    #expect(fresh.status == 200)
  }

  @Test("Without an overlap the old secret is rejected for a retry too")
  func withoutOverlap() async throws {
    let service = try await Service()
    let root = service.home.root
    let named = ScrubbeOperation.rotate.named("k", on: root.key.id, by: root)
    #expect(try await service.send(named).status == 200)
    try expectRejection(try await service.send(named), 401, code: "authentication_failed")
  }

  @Test(
    "A caller that may no longer manage keys is rejected instead of getting the first response",
    arguments: calls)
  func noLongerManager(call: ScrubbeOperation) async throws {
    let service = try await Service()
    let manager = try await service.issue(scopes: ["apikeys:*", "incidents:read"])
    let child = try await service.issue(scopes: ["incidents:read"])
    let named = call.named("k", on: child.key.id, by: manager)
    let first = try await service.send(named)
    #expect(first.status < 300)
    try await service.store.revoke(manager.key.id)
    try expectRejection(try await service.send(named), 401, code: "authentication_failed")
  }

  @Test("A rejection is not stored, and a retry is judged again")
  func rejections() async throws {
    let service = try await Service()
    let root = service.home.root
    let create = ScrubbeOperation.create.named("c", on: root.key.id, by: root).sending(
      Array(#"{"name":"T","environment":"PRODUCTION","scopes":["*"],"linkageId":"ward"}"#.utf8))
    let first = try await service.child(linkage: "ward")
    try expectRejection(try await service.send(create), 409, code: "linkage_taken")
    let rotate = ScrubbeOperation.rotate.named("r", on: KeyID(rawValue: "key_none"), by: root)
    try expectRejection(try await service.send(rotate), 404, code: "key_not_found")
    #expect(try await service.store.answers() == 0)
    #expect(try await service.scrubbe(.delete, on: first.key.id).status == 200)
    #expect(try await service.send(create).status == 201)
  }
}

extension ScrubbeOperation {
  /// The call with an Idempotency-Key.
  fileprivate func named(_ name: String, on id: KeyID, by caller: IssuedKey) -> Call {
    call(by: caller.secret, on: id).with(.idempotencyKeyHeader, name)
  }
}
