import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe 401: X-API-Key alone authenticates")
struct Scrubbe401Tests {
  @Test(
    "Only the header authenticates, and nothing else in the request", arguments: ScrubbeOperation.allCases)
  func elsewhere(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let key = service.home.root.secret.revealed
    let bare = operation.call(by: nil, on: child.key.id)
    var calls = [bare]
    for name in ["apiKey", "api_key", "X-API-Key", "key"] {
      calls.append(operation.call(by: nil, on: child.key.id, query: "?\(name)=\(key)"))
      calls.append(operation.call(by: nil, on: child.key.id, json: #"{"\#(name)":"\#(key)"}"#))
    }
    calls.append(bare.with(.authorization, "Bearer \(key)"))
    calls.append(bare.with(.keyHeader, key).with(.providerHeader, "home"))
    calls.append(bare.with(.apiKeyHeader, ""))
    calls.append(bare.with(.apiKeyHeader, key).adding(.apiKeyHeader, key))
    for call in calls {
      let answer = try await service.send(call)
      try expectRejection(answer, 401, code: "authentication_failed")
      #expect(answer.headers[.wwwAuthenticate] != nil)
    }
    #expect(try await service.keysOfHome().count == 2)
  }

  @Test("A key in the query next to the header is an unknown parameter and is not repeated in the response")
  func beside() async throws {
    let service = try await Service()
    let key = service.home.root.secret.revealed
    let answer = try await service.scrubbe(.list, query: "?api_key=\(key)")
    try expectRejection(answer, 400, code: "query_invalid", fields: ["api_key"])
  }

  @Test("The other dialect's headers are ignored")
  func scrubsHeadersBeside() async throws {
    let service = try await Service()
    let call = ScrubbeOperation.list.call(by: service.home.root.secret, on: service.home.root.key.id)
    let answer = try await service.send(
      call.with(.keyHeader, service.neighbour.root.secret.revealed).with(.providerHeader, "neighbour"))
    #expect(try answer.listedIDs == [service.home.root.key.id.rawValue])
  }

  @Test(
    "A malformed, unknown, expired, revoked, deleted or rotated key is rejected",
    arguments: ScrubbeOperation.allCases)
  func notAuthentic(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let target = try await service.child()
    let expired = try await service.child(expiresIn: 1)
    let revoked = try await service.child()
    let deleted = try await service.child()
    let rotated = try await service.child()
    _ = try await service.scrubbe(.revoke, on: revoked.key.id)
    _ = try await service.scrubbe(.delete, on: deleted.key.id)
    _ = try await service.scrubbe(.rotate, on: rotated.key.id)
    service.clock.advance(seconds: 1)
    var random = RandomSource.system
    let never = KeySecret(environment: .production, random: &random)
    let dead = [expired, revoked, deleted, rotated].map(\.secret) + [never]
    for key in dead.map(\.revealed) + ["x", "sk_live_x", String(never.revealed.dropLast())] {
      let call = operation.call(by: nil, on: target.key.id).with(.apiKeyHeader, key)
      try expectRejection(try await service.send(call), 401, code: "authentication_failed")
    }
  }

  @Test(
    "An unauthenticated caller learns nothing about errors in its call", arguments: ScrubbeOperation.allCases)
  func order(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: nil, on: KeyID(rawValue: "key_none"), query: "?x=1", json: "{")
    try expectRejection(try await service.send(call), 401, code: "authentication_failed")
    let wrongType = call.sending([0x78], as: "text/plain")
    try expectRejection(try await service.send(wrongType), 401, code: "authentication_failed")
  }

  @Test("A malformed key is rejected without a store access", arguments: ScrubbeOperation.allCases)
  func malformed(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "must not be asked"))
    let call = operation.call(by: nil, on: service.home.root.key.id).with(.apiKeyHeader, "sk_live_wrong")
    try expectRejection(try await service.send(call), 401, code: "authentication_failed")
  }
}
