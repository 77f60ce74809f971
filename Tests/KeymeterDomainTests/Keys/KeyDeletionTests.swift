import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyDeletionTests {
  @Test func `a child key is gone for good`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(linkage: "shop 7")
    try await scene.delete(child.key.id)
    #expect(try await scene.allKeys().map(\.id) == [scene.home.root.key.id])
    await #expect(throws: Rejection.keyNotFound) { try await scene.delete(child.key.id) }
    await #expect(throws: Rejection.keyNotFound) { try await scene.update(child.key.id, to: "Again") }
    #expect(try await scene.child(linkage: "shop 7").key.id != child.key.id)
  }

  @Test func `a root key is not deletable, be it the caller's own or another`() async throws {
    let scene = try await Scene()
    let second = try await scene.secondRoot()
    let before = try await scene.allKeys().map(\.id)
    let logged = scene.store.auditLog.count
    for id in [scene.home.root.key.id, second.key.id] {
      await #expect(throws: Rejection.rootKeyNotDeletable) { try await scene.delete(id) }
    }
    #expect(try await scene.allKeys().map(\.id) == before)
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `another tenant's key is not found, be it child or root`() async throws {
    let scene = try await Scene()
    let theirs = try await scene.child(of: scene.neighbour)
    for id in [theirs.key.id, scene.neighbour.root.key.id] {
      await #expect(throws: Rejection.keyNotFound) { try await scene.delete(id) }
    }
    #expect(try await scene.allKeys(of: scene.neighbour).count == 2)
  }

  @Test(arguments: ["", "key_", "key_unknown", "\0"])
  func `an id that no key has is not found`(id: String) async throws {
    let scene = try await Scene()
    await #expect(throws: Rejection.keyNotFound) { try await scene.delete(KeyID(rawValue: id)) }
  }

  @Test func `an expired key may be deleted`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(expiresIn: 1)
    scene.clock.advance(seconds: 1)
    try await scene.delete(child.key.id)
    #expect(try await scene.allKeys().count == 1)
  }
}
