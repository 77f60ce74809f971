import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyCreationTests {
  @Test func `a key is made as it was asked for, and authenticates at once`() async throws {
    let scene = try await Scene()
    let draft = KeyDraft(
      friendlyName: try .test("Till"), limits: MonthlyLimits(requests: 10, tokens: 0, speechSeconds: 5),
      linkageID: try .test("shop 7"), environment: .staging, scopes: [Scope(stored: "a:read")],
      expiresAt: scene.clock.now.advanced(bySeconds: 60))
    let issued = try await scene.keys.create(.success(draft), by: scene.home.credentials, requestID: .test)
    #expect(issued.key.organisationID == scene.home.organisation.id)
    #expect(issued.key.friendlyName == draft.friendlyName)
    #expect(issued.key.limits == draft.limits)
    #expect(issued.key.linkageID == draft.linkageID)
    #expect(issued.key.environment == .staging)
    #expect(issued.key.scopes == draft.scopes)
    #expect(issued.key.expiresAt == draft.expiresAt)
    #expect(issued.key.createdAt == scene.clock.now)
    #expect(issued.key.status == .active)
    #expect(issued.key.hint == issued.secret.hint)
    #expect(issued.key.revokedAt == nil)
    #expect(issued.key.lastUsedAt == nil)
    let own = try await scene.keys.ownKey(scene.home.credentials(issued.secret), requestID: .test)
    #expect(own == issued.key)
  }

  @Test func `a key that is asked for over the wire is never a root key`() async throws {
    let scene = try await Scene()
    #expect(try await !scene.child().key.root)
  }

  @Test func `what is left out takes the contract's defaults`() async throws {
    let scene = try await Scene()
    let key = try await scene.child().key
    #expect(key.environment == .production)
    #expect(key.scopes == [.everything])
    #expect(key.limits == .unrestricted)
    #expect(key.expiresAt == nil)
  }

  @Test func `a linkage is given once in an organisation, and again in another`() async throws {
    let scene = try await Scene()
    _ = try await scene.child(linkage: "shop 7")
    let before = try await scene.allKeys()
    let logged = scene.store.auditLog.count
    await #expect(throws: Rejection.linkageTaken) { try await scene.child(linkage: " shop 7 ") }
    #expect(try await scene.allKeys() == before)
    #expect(scene.store.auditLog.count == logged)
    #expect(
      try await scene.child(linkage: "shop 7", of: scene.neighbour).key.linkageID.rawValue == "shop 7")
  }

  @Test func `a linkage that nobody names is unique`() async throws {
    let scene = try await Scene()
    var linkages: Set<Label> = []
    for _ in 0..<50 { linkages.insert(try await scene.child().key.linkageID) }
    linkages.insert(scene.home.root.key.linkageID)
    #expect(linkages.count == 51)
  }

  @Test(arguments: [-1, 0, -1_000_000_000] as [Int64])
  func `an expiry that is not ahead of the store's clock is refused, and nothing is made`(
    seconds: Int64
  ) async throws {
    let scene = try await Scene()
    scene.clock.advance(seconds: 1_000_000)
    let logged = scene.store.auditLog.count
    await #expect(throws: ValidationFailure(field: "expires_at", "must be in the future")) {
      try await scene.child(expiresIn: seconds)
    }
    #expect(try await scene.allKeys().map(\.id) == [scene.home.root.key.id])
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `a second ahead of the clock is the future`() async throws {
    let scene = try await Scene()
    #expect(try await scene.child(expiresIn: 1).key.status == .active)
  }

  @Test func `a transaction that is run again makes one key, and its secret is the one shown`() async throws {
    let scene = try await Scene()
    let keys = try scene.keys(over: RetryingStore(store: scene.store))
    let logged = scene.store.auditLog.count
    let draft = KeyDraft(friendlyName: try .test("Till"))
    let issued = try await keys.create(.success(draft), by: scene.home.credentials, requestID: .test)
    #expect(try await scene.allKeys().count == 2)
    #expect(scene.log(since: logged).map(\.target) == [issued.key.id.rawValue])
    let own = try await keys.ownKey(scene.home.credentials(issued.secret), requestID: .test)
    #expect(own.id == issued.key.id)
  }
}
