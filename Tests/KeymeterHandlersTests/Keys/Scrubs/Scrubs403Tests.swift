import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 403: authenticated but not allowed")
struct Scrubs403Tests {
  @Test(
    "A child key can't make a call that requires a root key, not even on itself",
    arguments: ScrubsOperation.ofRoot)
  func rootRequired(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let before = try await service.keysOfHome().map(\.limits)
    let answer = try await service.send(
      operation.call(by: service.home.credentials(child.secret), on: child.key.id))
    try expectProblem(answer, 403, code: "root_key_required", title: operation.titleOfMissingRoot)
    #expect(try await service.keysOfHome().map(\.limits) == before)
  }

  @Test("A child key with all scopes is not a root key")
  func everyScope() async throws {
    let service = try await Service()
    let child = try await service.child()
    #expect(child.key.scopes == [.everything])
    let answer = try await service.send(
      ScrubsOperation.create.call(by: service.home.credentials(child.secret), on: child.key.id))
    try expectProblem(answer, 403, code: "root_key_required", title: "Root API key is required.")
  }

  @Test("A root key can't update another root key")
  func otherRootKey() async throws {
    let service = try await Service()
    let second = try await service.secondRoot()
    for body in [#""friendly_name":"Mine""#, #""usage_limit":0"#, #""usage_limit":null"#] {
      let answer = try await service.asRoot(.put, json: #"{"id":"\#(second.key.id.rawValue)",\#(body)}"#)
      try expectProblem(answer, 403, code: "other_root_key", title: "Cannot update another root key.")
    }
    let kept = try await service.keysOfHome().first { $0.id == second.key.id }
    #expect(kept?.friendlyName == second.key.friendlyName)
    #expect(kept?.limits == .unrestricted)
  }

  @Test("A root key can't delete itself or another root key, so no organisation locks itself out")
  func rootKeyNotDeletable() async throws {
    let service = try await Service()
    let second = try await service.secondRoot()
    for id in [service.home.root.key.id, second.key.id] {
      let answer = try await service.asRoot(.delete, query: "?id=\(id.rawValue)")
      try expectProblem(answer, 403, code: "root_key_not_deletable", title: "Cannot delete a root key.")
    }
    #expect(try await service.keysOfHome().count == 2)
    #expect(try await service.asRoot(.get).status == 200)
  }
}
