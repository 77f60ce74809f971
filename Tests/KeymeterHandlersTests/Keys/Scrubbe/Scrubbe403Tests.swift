import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubbe 403: missing permissions")
struct Scrubbe403Tests {
  @Test(
    "Management requires a root key or a scope, and this is checked before the body",
    arguments: ScrubbeOperation.allCases)
  func scope(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let target = try await service.issue(scopes: ["incidents:read"])
    let others = ["apikeys:read", "apikeys:write", "incidents:*"].filter { $0 != operation.scope }
    let without = try await service.issue(scopes: others + ["incidents:read"])
    for call in [
      operation.call(by: without.secret, on: target.key.id),
      operation.call(by: without.secret, on: KeyID(rawValue: "key_none"), query: "?x=1", json: "{"),
    ] {
      let answer = try await service.send(call)
      try expectRejection(answer, 403, code: "scope_required")
      #expect(try answer.text("message").contains(operation.scope))
    }
    let with = try await service.issue(scopes: [operation.scope, "incidents:*"])
    let answer = try await service.scrubbe(operation, by: with.secret, on: target.key.id)
    #expect(answer.status == (operation == .create ? 201 : 200))
  }

  @Test("Everything that exceeds the caller's permissions is reported")
  func beyond() async throws {
    let service = try await Service()
    let manager = try await service.issue(
      scopes: ["apikeys:write", "incidents:read"], limits: .init(requests: 5, tokens: 6, speechSeconds: 7),
      expiresIn: 60)
    let answer = try await service.scrubbe(
      .create, by: manager.secret,
      json: #"""
        {"name":"T","environment":"STAGING","scopes":["incidents:*","incidents:read"],"usageLimit":6,
         "monthlySttSecsLimit":7,"expiresAt":"2024-01-15T10:31:01Z"}
        """#)
    try expectRejection(
      answer, 403, code: "beyond_own_authority",
      fields: ["environment", "scopes", "expiresAt", "usageLimit", "monthlyTokenLimit"])
    #expect(try answer.text("message").contains("incidents:*"))
    let allowed = try await service.scrubbe(
      .create, by: manager.secret,
      json: #"""
        {"name":"T","environment":"PRODUCTION","scopes":["incidents:read"],"usageLimit":5,
         "monthlyTokenLimit":0,"monthlySttSecsLimit":7,"expiresAt":"2024-01-15T10:31:00Z"}
        """#)
    #expect(allowed.status == 201)
  }

  @Test("A manager can't touch a stronger key or a root key", arguments: ScrubbeOperation.withTarget)
  func target(operation: ScrubbeOperation) async throws {
    let service = try await Service()
    let manager = try await service.issue(scopes: ["apikeys:*"])
    let stronger = try await service.issue(scopes: ["incidents:read"])
    let elsewhere = try await service.issue(scopes: ["apikeys:read"], environment: .staging)
    try expectRejection(
      try await service.scrubbe(operation, by: manager.secret, on: stronger.key.id), 403,
      code: "beyond_own_authority", fields: ["scopes"])
    try expectRejection(
      try await service.scrubbe(operation, by: manager.secret, on: elsewhere.key.id), 403,
      code: "beyond_own_authority", fields: ["environment"])
    let all = try await service.child(scopes: [.writeKeys])
    try expectRejection(
      try await service.scrubbe(operation, by: all.secret, on: service.home.root.key.id), 403,
      code: "root_key_protected")
    #expect(try await service.keysOfHome().allSatisfy { $0.status == .active })
  }
}
