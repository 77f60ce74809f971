import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite("Key service")
struct KeyServiceTests {
  @Test("A transaction that is retried creates one key, whose secret is the one returned")
  func retriedCreation() async throws {
    let scene = try await Scene()
    let keys = try scene.keys(over: RetryingStore(store: scene.store))
    let logged = scene.store.auditLog.count
    let issued = try await keys.create(
      KeyDraft(friendlyName: .test("Till")), by: scene.home.credentials)
    #expect(try await scene.allKeys().count == 2)
    #expect(scene.log(since: logged).map(\.target) == [issued.key.id.rawValue])
    #expect(try await scene.authenticates(issued.secret))
  }

  @Test("A rotation that is retried stores the secret that is returned")
  func retriedRotation() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let keys = try scene.keys(over: RetryingStore(store: scene.store))
    let rotated = try await keys.rotate(KeyRotation(id: child.key.id), by: scene.home.credentials)
    #expect(try await scene.authenticates(rotated.secret))
  }

  @Test("An expired root key or another organisation's doesn't count as the remaining root key")
  func lastRootKey() async throws {
    let scene = try await Scene()
    let second = try await scene.secondRoot()
    try await scene.store.expire(second.key.id)
    let own = scene.home.root.key.id
    await #expect(throws: Rejection.lastRootKey) { try await scene.revoke(own) }
    await #expect(throws: Rejection.lastRootKey) {
      try await scene.keys.delete(own, by: scene.home.credentials, under: .rootKeysAndScopes)
    }
    try await scene.keys.delete(second.key.id, by: scene.home.credentials, under: .rootKeysAndScopes)
  }

  @Test(
    "Only a root key or a scope that names key management may manage keys",
    arguments: [
      (["apikeys:write"], true), (["apikeys:*"], true), (["*"], false), (["apikeys:read"], false),
      (["incidents:*"], false), (["apikeys:writer"], false), (["apikeys"], false),
    ])
  func managers(scopes: [String], may: Bool) async throws {
    let scene = try await Scene()
    let draft = KeyDraft(friendlyName: try .test("Manager"), scopes: scopes.map(Scope.init(stored:)))
    let key = try await scene.keys.create(draft, by: scene.home.credentials).key
    let caller = Caller(key)
    do {
      try caller.requireManager(under: .rootKeysAndScopes, needing: .writeKeys)
      #expect(may)
    } catch {
      #expect(!may && error == .scopeRequired(.writeKeys))
    }
    #expect(throws: Rejection.rootKeyRequired) {
      try caller.requireManager(under: .rootKeysOnly, needing: .writeKeys)
    }
  }

  @Test("A key is created with the hash of the current pepper and found by older peppers")
  func pepperRotation() async throws {
    let scene = try await Scene()
    let old = (id: "test", bytes: [UInt8](repeating: 7, count: 32))
    let new = (id: "new", bytes: [UInt8](repeating: 2, count: 32))
    let both = KeyService(store: scene.store, peppers: try PepperSet([new, old]))
    let child = try await both.create(KeyDraft(friendlyName: .test("Till")), by: scene.home.credentials)
    let newOnly = KeyService(store: scene.store, peppers: try PepperSet([new]))
    #expect(try await newOnly.ownKey(scene.home.credentials(child.secret)).id == child.key.id)
    await #expect(throws: Rejection.notAuthentic) { try await newOnly.ownKey(scene.home.credentials) }
  }
}
