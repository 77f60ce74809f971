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

  @Test(arguments: [1, 2, 3, 7, 8, 1_000])
  func `pages of it are read each in a transaction of its own, and hold every key that stays just once`(
    limit: Int
  ) async throws {
    let scene = try await Scene()
    var ids: [KeyID] = [scene.home.root.key.id]
    for _ in 0..<6 { ids.append(try await scene.child().key.id) }
    let gone = try await scene.child()
    var listed: [KeyID] = []
    var place: KeyPosition?
    repeat {
      let page = try await scene.keys.allKeys(
        scene.home.credentials, after: place, atMost: limit, requestID: .test)
      #expect(page.keys.count <= limit)
      listed += page.keys.map(\.id)
      if place == nil { try await scene.delete(gone.key.id) }
      place = page.next
    } while place != nil
    #expect(Set(listed) == Set(ids + (listed.contains(gone.key.id) ? [gone.key.id] : [])))
    #expect(listed.count == Set(listed).count)
    let second = try await scene.secondRoot()
    let start = try await scene.keys.allKeys(Credentials(secret: second.secret), atMost: 1, requestID: .test)
    _ = try await scene.revoke(second.key.id)
    await #expect(throws: Rejection.notAuthentic) {
      try await scene.keys.allKeys(
        Credentials(secret: second.secret), after: start.next, atMost: 1, requestID: .test)
    }
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
