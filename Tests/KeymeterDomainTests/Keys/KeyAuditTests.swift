import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyAuditTests {
  @Test("A rotation is logged with both hints and the overlap, a revocation once with its time")
  func endings() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let logged = scene.store.auditLog.count
    let rotated = try await scene.rotate(child.key.id, overlap: 60)
    for _ in 0..<2 { _ = try await scene.revoke(child.key.id) }
    #expect(
      scene.log(since: logged) == [
        entry(
          .keyRotated, of: child.key, in: scene,
          [
            FieldChange("key_hint", from: .text(child.secret.hint), to: .text(rotated.secret.hint)),
            FieldChange("overlap_secs", from: nil, to: .number(60)),
          ]),
        entry(
          .keyRevoked, of: child.key, in: scene,
          [FieldChange("revoked_at", from: nil, to: .text("2024-01-15T10:30:00Z"))]),
      ])
  }

  @Test("No audit entry contains a secret")
  func redacted() async throws {
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
