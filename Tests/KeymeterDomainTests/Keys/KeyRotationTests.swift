import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyRotationTests {
  @Test func `a key keeps its id and all that it may; its value and hint are new`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(limits: .init(requests: 5), linkage: "shop 7", expiresIn: 60)
    let rotated = try await scene.rotate(child.key.id)
    #expect(rotated.key.id == child.key.id)
    #expect(rotated.key.limits == child.key.limits && rotated.key.scopes == child.key.scopes)
    #expect(rotated.key.linkageID == child.key.linkageID && rotated.key.expiresAt == child.key.expiresAt)
    #expect(rotated.key.environment == child.key.environment && rotated.key.createdAt == child.key.createdAt)
    #expect(rotated.secret.revealed != child.secret.revealed)
    #expect(rotated.key.hint == rotated.secret.hint)
    #expect(try await scene.allKeys().contains(rotated.key))
  }

  @Test(arguments: KeyEnvironment.allCases)
  func `the new value is of the key's environment`(environment: KeyEnvironment) async throws {
    let scene = try await Scene()
    let child = try await scene.issue(KeyDraft(friendlyName: .test("Till"), environment: environment))
    #expect(try await scene.rotate(child.key.id).secret.environment == environment)
  }

  @Test func `without an overlap the old value is dead at once`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let rotated = try await scene.rotate(child.key.id)
    #expect(try await !scene.authenticates(child.secret))
    #expect(try await scene.authenticates(rotated.secret))
  }

  @Test func `with an overlap the old value lives until its end, and not a moment longer`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let rotated = try await scene.rotate(child.key.id, overlap: 60)
    scene.clock.advance(seconds: 59)
    #expect(try await scene.authenticates(child.secret))
    scene.clock.advance(seconds: 1)
    #expect(try await !scene.authenticates(child.secret))
    #expect(try await scene.authenticates(rotated.secret))
  }

  @Test func `rotating again during an overlap ends the oldest value`() async throws {
    let scene = try await Scene()
    let first = try await scene.child()
    let second = try await scene.rotate(first.key.id, overlap: 600)
    let third = try await scene.rotate(first.key.id, overlap: 60)
    #expect(try await !scene.authenticates(first.secret))
    #expect(try await scene.authenticates(second.secret))
    scene.clock.advance(seconds: 60)
    #expect(try await !scene.authenticates(second.secret))
    #expect(try await scene.authenticates(third.secret))
    _ = try await scene.rotate(first.key.id, overlap: 60)
    let last = try await scene.rotate(first.key.id)
    #expect(try await !scene.authenticates(third.secret))
    #expect(try await scene.authenticates(last.secret))
  }

  @Test func `a revoked or expired key is not rotated`() async throws {
    let scene = try await Scene()
    let revoked = try await scene.child()
    let expired = try await scene.child(expiresIn: 60)
    _ = try await scene.revoke(revoked.key.id)
    scene.clock.advance(seconds: 60)
    await #expect(throws: Rejection.keyNotActive(.revoked)) { try await scene.rotate(revoked.key.id) }
    await #expect(throws: Rejection.keyNotActive(.expired)) { try await scene.rotate(expired.key.id) }
  }

  @Test func `a root key rotates itself, and another`() async throws {
    let scene = try await Scene()
    let other = try await scene.secondRoot()
    let own = try await scene.rotate(scene.home.root.key.id)
    #expect(own.key.root)
    #expect(try await !scene.authenticates(scene.home.root.secret))
    let renewed = try await scene.rotate(other.key.id, by: Credentials(secret: own.secret))
    #expect(try await !scene.authenticates(other.secret))
    #expect(try await scene.authenticates(renewed.secret))
  }

  @Test func `a value in overlap doesn't rotate its own key, though another's`() async throws {
    let scene = try await Scene()
    let former = Credentials(secret: scene.home.root.secret)
    let present = try await scene.rotate(scene.home.root.key.id, overlap: 600)
    let child = try await scene.child()
    let logged = scene.store.auditLog.count
    await #expect(throws: Rejection.valueSuperseded) {
      try await scene.rotate(scene.home.root.key.id, by: former)
    }
    #expect(scene.store.auditLog.count == logged)
    #expect(try await scene.authenticates(present.secret))
    _ = try await scene.rotate(child.key.id, by: former)
    _ = try await scene.rotate(scene.home.root.key.id, by: Credentials(secret: present.secret))
  }

  @Test func `a transaction that is tried again gives the value that it told`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let keys = try scene.keys(over: RetryingStore(store: scene.store))
    let rotated = try await keys.rotate(
      .success(KeyRotation(id: child.key.id)), by: scene.home.credentials, requestID: .test)
    #expect(try await scene.authenticates(rotated.secret))
  }

  @Test func `another tenant's key is not found`() async throws {
    let scene = try await Scene()
    let theirs = try await scene.child(of: scene.neighbour)
    await #expect(throws: Rejection.keyNotFound) { try await scene.rotate(theirs.key.id) }
    await #expect(throws: Rejection.keyNotFound) { try await scene.revoke(theirs.key.id) }
    await #expect(throws: Rejection.keyNotFound) { try await scene.deleteAny(theirs.key.id) }
    #expect(try await scene.authenticates(theirs.secret))
  }
}
