import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct AuthenticationTests {
  @Test func `a key is its organisation's and nobody else's`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let own = try await scene.keys.ownKey(scene.home.credentials(child.secret), requestID: .test)
    #expect(own.id == child.key.id)
    #expect(own.organisationID == scene.home.organisation.id)
    await #expect(throws: Rejection.notAuthentic) {
      try await scene.keys.ownKey(scene.neighbour.credentials(child.secret), requestID: .test)
    }
  }

  @Test func `a key authenticates up to its expiry, and not at it`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(expiresIn: 60)
    let credentials = scene.home.credentials(child.secret)
    scene.clock.advance(seconds: 59)
    #expect(try await scene.keys.ownKey(credentials, requestID: .test).status == .active)
    scene.clock.advance(seconds: 1)
    await #expect(throws: Rejection.notAuthentic) {
      try await scene.keys.ownKey(credentials, requestID: .test)
    }
    #expect(try await scene.allKeys().first { $0.id == child.key.id }?.status == .expired)
  }

  @Test func `a deleted key authenticates no more`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    try await scene.delete(child.key.id)
    await #expect(throws: Rejection.notAuthentic) {
      try await scene.keys.ownKey(scene.home.credentials(child.secret), requestID: .test)
    }
  }

  @Test func `a pepper is rotated without an interruption`() async throws {
    let store = InMemoryManagementStore()
    let old = (id: "old", bytes: [UInt8](repeating: 1, count: 32))
    let new = (id: "new", bytes: [UInt8](repeating: 2, count: 32))
    let provider = try ProviderID(validating: "home")
    let root = try await OrganisationService(store: store, peppers: PepperSet([old]))
      .create(provider: provider, name: .test("Home")).rootKey
    let credentials = Credentials(secret: root.secret, provider: provider)
    let both = KeyService(store: store, peppers: try PepperSet([new, old]))
    #expect(try await both.ownKey(credentials, requestID: .test).id == root.key.id)
    let draft = KeyDraft(friendlyName: try .test("Till"))
    let child = try await both.create(.success(draft), by: credentials, requestID: .test)
    let newOnly = KeyService(store: store, peppers: try PepperSet([new]))
    let childCredentials = Credentials(secret: child.secret, provider: provider)
    #expect(try await newOnly.ownKey(childCredentials, requestID: .test).id == child.key.id)
    await #expect(throws: Rejection.notAuthentic) {
      try await newOnly.ownKey(credentials, requestID: .test)
    }
  }

  @Test func `a use is noted, one that was refused is not`() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    await #expect(throws: Rejection.rootKeyRequiredToList) {
      try await scene.keys.allKeys(scene.home.credentials(child.secret), requestID: .test)
    }
    #expect(try await scene.allKeys().first { $0.id == child.key.id }?.lastUsedAt == nil)
    _ = try await scene.keys.ownKey(scene.home.credentials(child.secret), requestID: .test)
    #expect(try await scene.allKeys().first { $0.id == child.key.id }?.lastUsedAt == scene.clock.now)
  }

  @Test(arguments: Operation.allCases)
  func `the tenant is named before its rows are touched, and a change holds its caller's key`(
    operation: Operation
  ) async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let calls = Recorder()
    let observed = ObservedStore(store: scene.store) { calls.note($0) }
    let keys = try scene.keys(over: observed)
    try await operation.run(.success(child.key.id), by: scene.home.credentials, on: keys)
    let (lock, before): (RowLock, [StoreCall]) =
      switch operation {
      case .ownKey, .allKeys, .page: (.none, [])
      case .create: (.shared, [])
      case .update, .rotate, .revoke, .delete: (.shared, [.activeKey(.none), .holdChanges])
      }
    let expected = [.organisation, .enter] + before + [.activeKey(lock), .touch]
    #expect(Array(calls.all.prefix(expected.count)) == expected)
    #expect(!calls.all.dropFirst(expected.count).contains(.enter))
  }

  @Test(arguments: Operation.allCases)
  func `a store that can't be had is said to be so`(operation: Operation) async throws {
    let scene = try await Scene()
    let failure = StoreError.unavailable(reason: "down")
    scene.store.fail(with: failure)
    await #expect(throws: failure) {
      try await operation.run(
        .success(KeyID(rawValue: "key_1")), by: scene.home.credentials, on: scene.keys)
    }
  }
}
