import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyRevocationTests {
  @Test func `a revoked key authenticates no more by any value, and stays listed`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let rotated = try await scene.rotate(child.key.id, overlap: 600)
    let revoked = try await scene.revoke(child.key.id)
    #expect(revoked.status == .revoked && revoked.revokedAt == scene.clock.now)
    #expect(try await !scene.authenticates(child.secret))
    #expect(try await !scene.authenticates(rotated.secret))
    #expect(try await scene.allKeys().contains(revoked))
  }

  @Test func `revoking again changes nothing, and keeps the first time`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let first = try await scene.revoke(child.key.id)
    let logged = scene.store.auditLog.count
    scene.clock.advance(seconds: 60)
    #expect(try await scene.revoke(child.key.id) == first)
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `an expired key can be revoked`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(expiresIn: 1)
    scene.clock.advance(seconds: 1)
    #expect(try await scene.revoke(child.key.id).status == .revoked)
  }

  @Test func `a revoked key can be deleted, and its linkage is free then`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(linkage: "shop 7")
    _ = try await scene.revoke(child.key.id)
    await #expect(throws: Rejection.linkageTaken) { try await scene.child(linkage: "shop 7") }
    try await scene.deleteAny(child.key.id)
    _ = try await scene.child(linkage: "shop 7")
  }

  @Test func `the last active root key can't be ended, one beside another can`() async throws {
    let scene = try await Scene()
    let own = scene.home.root.key.id
    await #expect(throws: Rejection.lastRootKey) { try await scene.revoke(own) }
    await #expect(throws: Rejection.lastRootKey) { try await scene.deleteAny(own) }
    let second = try await scene.secondRoot()
    let third = try await scene.secondRoot()
    #expect(try await scene.revoke(second.key.id).status == .revoked)
    try await scene.deleteAny(third.key.id)
    await #expect(throws: Rejection.lastRootKey) { try await scene.revoke(own) }
    // A root key that is revoked is not active, so its removal leaves nobody without one.
    try await scene.deleteAny(second.key.id)
    #expect(try await scene.allKeys().map(\.id) == [own])
  }

  @Test func `a root key that has expired is no root key to be left with`() async throws {
    let scene = try await Scene()
    let second = try await scene.secondRoot()
    try await scene.store.expire(second.key.id)
    await #expect(throws: Rejection.lastRootKey) { try await scene.revoke(scene.home.root.key.id) }
    await #expect(throws: Rejection.lastRootKey) { try await scene.deleteAny(scene.home.root.key.id) }
    try await scene.deleteAny(second.key.id)
  }

  @Test func `a root key may end itself where another is left`() async throws {
    let scene = try await Scene()
    let second = try await scene.secondRoot()
    _ = try await scene.revoke(scene.home.root.key.id)
    #expect(try await !scene.authenticates(scene.home.root.secret))
    await #expect(throws: Rejection.lastRootKey) {
      try await scene.revoke(second.key.id, by: Credentials(secret: second.secret))
    }
  }

  @Test func `where nothing else is active, a neighbour's root key does not count`() async throws {
    let scene = try await Scene()
    #expect(try await scene.allKeys(of: scene.neighbour).contains { $0.root })
    await #expect(throws: Rejection.lastRootKey) { try await scene.revoke(scene.home.root.key.id) }
  }
}
