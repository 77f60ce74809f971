import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe 409, 413, 415, 500 and 503")
struct Scrubbe409Tests {
  @Test("A linkage id in use gets 409")
  func linkage() async throws {
    let service = try await Service()
    _ = try await service.child(linkage: "ward 7")
    let answer = try await service.scrubbe(
      .create, json: #"{"name":"T","environment":"STAGING","scopes":["*"],"linkageId":"ward 7"}"#)
    try expectRejection(answer, 409, code: "linkage_taken")
  }

  @Test("A revoked or expired key can't be rotated")
  func notActive() async throws {
    let service = try await Service()
    let revoked = try await service.child()
    let expired = try await service.child(expiresIn: 1)
    _ = try await service.scrubbe(.revoke, on: revoked.key.id)
    service.clock.advance(seconds: 1)
    for (key, status) in [(revoked, "REVOKED"), (expired, "EXPIRED")] {
      let answer = try await service.scrubbe(.rotate, on: key.key.id)
      try expectRejection(answer, 409, code: "key_not_active")
      #expect(try answer.text("message").contains(status))
    }
  }

  @Test("A superseded secret can't rotate its own key, and works otherwise")
  func superseded() async throws {
    let service = try await Service()
    let root = service.home.root
    let rotated = try await service.scrubbe(.rotate, on: root.key.id, json: #"{"overlapSecs":60}"#)
    let present = KeySecret(presented: try #require(try rotated.data.text("key")))
    let again = try await service.scrubbe(.rotate, by: root.secret, on: root.key.id)
    try expectRejection(again, 409, code: "key_value_superseded")
    let created = try await service.scrubbe(.create, by: root.secret)
    #expect(created.status == 201)
    #expect(try await service.scrubbe(.rotate, by: present, on: root.key.id).status == 200)
  }

  @Test(
    "The last active root key can't be revoked or deleted", arguments: [ScrubbeOperation.revoke, .delete])
  func lastRoot(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let root = service.home.root.key.id
    try expectRejection(try await service.scrubbe(operation, on: root), 409, code: "last_root_key")
    let second = try await service.secondRoot()
    #expect(try await service.scrubbe(operation, on: root).status == 200)
    let last = try await service.scrubbe(operation, by: second.secret, on: second.key.id)
    try expectRejection(last, 409, code: "last_root_key")
  }

  @Test("A body above 64 KiB gets 413", arguments: ScrubbeOperation.withBody)
  func tooLarge(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let call = operation.call(by: service.home.root.secret, on: child.key.id)
    let body = Array((operation == .create ? ScrubbeOperation.newKey : "{}").utf8)
    let blanks = [UInt8](repeating: 0x20, count: JSONBody.largest - body.count)
    try expectRejection(
      try await service.send(call.sending(blanks + body + [0x20])), 413, code: "body_too_large")
    #expect(try await service.send(call.sending(blanks + body)).status < 300)
  }

  @Test(
    "A body that is not declared as JSON gets 415", arguments: ScrubbeOperation.withBody,
    [nil, "text/plain", "application/x-www-form-urlencoded"])
  func mediaType(operation: ScrubbeOperation, contentType: String?) async throws {
    let service = try await Service()
    let child = try await service.child()
    let call = operation.call(by: service.home.root.secret, on: child.key.id)
    let answer = try await service.send(call.sending(Array("{}".utf8), as: contentType))
    try expectRejection(answer, 415, code: "unsupported_media_type")
  }

  @Test("A missing optional body needs no content type, and a missing required one gets 415")
  func missingBody() async throws {
    let service = try await Service()
    let child = try await service.child()
    for operation in ScrubbeOperation.withBody {
      var call = operation.call(by: service.home.root.secret, on: child.key.id)
      call.body = nil
      let answer = try await service.send(call.with(.contentType, nil))
      #expect(answer.status == (operation == .create ? 415 : 200))
    }
  }

  @Test(
    "An unexpected failure is a bare 500 with the operation's code",
    arguments: ScrubbeOperation.allCases)
  func unexpected(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let secret = service.home.root.secret.revealed
    service.store.fail(with: UnexpectedFailure(text: "postgresql://keymeter:hunter2@db \(secret)"))
    let answer = try await service.scrubbe(operation, on: child.key.id)
    try expectRejection(answer, 500, code: operation == .create ? "creation_failed" : "internal_error")
    for part in ["hunter2", "postgresql", "UnexpectedFailure"] { #expect(!answer.text.contains(part)) }
  }

  @Test("An unavailable store gets 503 with Retry-After", arguments: ScrubbeOperation.allCases)
  func unavailable(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    service.store.fail(with: StoreError.unavailable(reason: "10.0.0.7 refused"))
    let answer = try await service.scrubbe(operation, on: child.key.id)
    try expectRejection(answer, 503, code: "unavailable")
    #expect(answer.headers[.retryAfterHeader] == "1")
    #expect(!answer.text.contains("10.0.0.7"))
  }

  private struct UnexpectedFailure: Error { let text: String }
}
