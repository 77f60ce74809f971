import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyListingTests {
  @Test func `a root key sees its organisation's keys, oldest first, and no other's`() async throws {
    let scene = try await Scene()
    var expected = [scene.home.root.key.id]
    for _ in 0..<5 {
      scene.clock.advance(seconds: 1)
      expected.append(try await scene.child().key.id)
      _ = try await scene.child(of: scene.neighbour)
    }
    let keys = try await scene.allKeys()
    #expect(keys.map(\.id) == expected)
    #expect(keys.allSatisfy { $0.organisationID == scene.home.organisation.id })
    #expect(try await scene.allKeys(of: scene.neighbour).count == 6)
  }

  @Test func `an expired key stays listed`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(expiresIn: 1)
    scene.clock.advance(seconds: 1)
    #expect(try await scene.allKeys().first { $0.id == child.key.id }?.status == .expired)
  }

  @Test func `reading is not a change, and so is not logged`() async throws {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    _ = try await scene.allKeys()
    _ = try await scene.keys.ownKey(scene.home.credentials, requestID: .test)
    _ = try await scene.organisations.list()
    _ = try await scene.organisations.show(scene.home.organisation.providerID)
    #expect(scene.store.auditLog.count == logged)
  }
}
