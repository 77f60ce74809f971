import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyAuditTests {
  @Test func `a key's making is logged with its fields, its maker and its request`() async throws {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    let issued = try await scene.child(
      limits: MonthlyLimits(requests: 10, tokens: 0), linkage: "shop 7", expiresIn: 60)
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyCreated, of: issued.key, in: scene,
          [
            FieldChange("friendly_name", from: nil, to: .text("Till")),
            FieldChange("usage_limit", from: nil, to: .number(10)),
            FieldChange("monthly_token_limit", from: nil, to: .number(0)),
            FieldChange("root", from: nil, to: .boolean(false)),
            FieldChange("environment", from: nil, to: .text("PRODUCTION")),
            FieldChange("scopes", from: nil, to: .list(["*"])),
            FieldChange("expires_at", from: nil, to: .text("2024-01-15T10:31:00Z")),
            FieldChange("linkage_id", from: nil, to: .text("shop 7")),
            FieldChange("key_hint", from: nil, to: .text(issued.secret.hint)),
          ])
      ])
  }

  @Test func `an update is logged with what changed, before and after, and nothing else`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(limits: MonthlyLimits(requests: 10, tokens: 5, speechSeconds: 1))
    let logged = scene.store.auditLog.count
    _ = try await scene.update(
      child.key.id, to: "Desk", requests: .cleared, tokens: .set(0), speechSeconds: .set(1))
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyUpdated, of: child.key, in: scene,
          [
            FieldChange("friendly_name", from: .text("Till"), to: .text("Desk")),
            FieldChange("usage_limit", from: .number(10), to: nil),
            FieldChange("monthly_token_limit", from: .number(5), to: .number(0)),
          ])
      ])
  }

  @Test func `a root key's change of itself is logged like any other`() async throws {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    _ = try await scene.update(scene.home.root.key.id, requests: .set(5))
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyUpdated, of: scene.home.root.key, in: scene,
          [
            FieldChange("usage_limit", from: nil, to: .number(5))
          ])
      ])
  }

  @Test func `a deletion is logged with what is lost`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(limits: MonthlyLimits(speechSeconds: 7), linkage: "shop 7")
    let logged = scene.store.auditLog.count
    try await scene.delete(child.key.id)
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyDeleted, of: child.key, in: scene,
          [
            FieldChange("friendly_name", from: .text("Till"), to: nil),
            FieldChange("monthly_stt_secs_limit", from: .number(7), to: nil),
            FieldChange("root", from: .boolean(false), to: nil),
            FieldChange("environment", from: .text("PRODUCTION"), to: nil),
            FieldChange("scopes", from: .list(["*"]), to: nil),
            FieldChange("linkage_id", from: .text("shop 7"), to: nil),
            FieldChange("key_hint", from: .text(child.secret.hint), to: nil),
          ])
      ])
  }

  @Test func `a rotation is logged with the hints of the values, and the overlap`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let logged = scene.store.auditLog.count
    let rotated = try await scene.rotate(child.key.id, overlap: 60)
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyRotated, of: child.key, in: scene,
          [
            FieldChange("key_hint", from: .text(child.secret.hint), to: .text(rotated.secret.hint)),
            FieldChange("overlap_secs", from: nil, to: .number(60)),
          ])
      ])
  }

  @Test func `a revocation is logged with its time, and once`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let logged = scene.store.auditLog.count
    for _ in 0..<2 { _ = try await scene.revoke(child.key.id) }
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyRevoked, of: child.key, in: scene,
          [FieldChange("revoked_at", from: nil, to: .text("2024-01-15T10:30:00Z"))])
      ])
  }

  @Test func `nothing that is logged holds a secret`() async throws {
    let scene = try await Scene()
    var secrets = [scene.home.root.secret, scene.neighbour.root.secret]
    let reporting = try LeakServiceTests.service(over: scene.store)
    for _ in 0..<5 {
      let child = try await scene.child()
      _ = try await scene.update(child.key.id, to: "Desk", requests: .set(1))
      let rotated = try await scene.rotate(child.key.id)
      let url = "https://github.com/search?q=\(child.secret.revealed)+\(rotated.secret.revealed)"
      let report = LeakReport(secret: child.secret, url: url, source: child.secret.revealed)
      _ = await reporting.end([report], requestID: .test)
      secrets.append(rotated.secret)
      _ = try await scene.revoke(child.key.id)
      try await scene.delete(child.key.id)
      secrets.append(child.secret)
    }
    secrets.append(try await scene.secondRoot().secret)
    try await scene.organisations.rename(scene.home.organisation.providerID, to: .test("New"))
    try await scene.organisations.delete(scene.home.organisation.providerID)
    #expect(Set(scene.store.auditLog.map(\.action)) == Set(AuditAction.allCases))
    let logged = scene.store.auditLog.flatMap(renderings)
    #expect(logged.contains { $0.contains(scene.home.root.secret.hint) })
    for secret in secrets {
      #expect(!logged.contains { leaks($0, ofKey: secret.revealed) })
    }
  }

  private func entry(
    _ action: AuditAction, of key: APIKey, in scene: Scene, _ changes: [FieldChange]
  ) -> AuditEntry {
    AuditEntry(
      organisationID: scene.home.organisation.id,
      principal: .key(scene.home.root.key.id, hint: scene.home.root.secret.hint), action: action,
      target: key.id.rawValue, requestID: .test, changes: changes)
  }
}
