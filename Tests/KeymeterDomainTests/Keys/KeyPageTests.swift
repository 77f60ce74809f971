import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyPageTests {
  @Test(arguments: 1...8)
  func `pages of any size give every key once, in order`(limit: Int) async throws {
    let scene = try await Scene()
    // All of one moment but the last, so that the id decides.
    for _ in 0..<6 { _ = try await scene.child() }
    scene.clock.advance(seconds: 1)
    let last = try await scene.child()
    var listed: [APIKey] = []
    var next: KeyPosition?
    repeat {
      let page = try await scene.page(KeyListing(after: next, limit: limit))
      #expect(page.limit == limit && page.keys.count <= limit && !page.keys.isEmpty)
      #expect(page.next == nil || page.keys.count == limit)
      listed += page.keys
      next = page.next
    } while next != nil
    #expect(listed.map(\.position) == listed.map(\.position).sorted())
    #expect(Set(listed.map(\.id)) == Set(try await scene.allKeys().map(\.id)) && listed.count == 8)
    #expect(listed.last?.id == last.key.id)
  }

  @Test func `a page goes on where the last one ended, though the key there is gone`() async throws {
    let scene = try await Scene()
    for _ in 0..<5 { _ = try await scene.child() }
    let first = try await scene.page(KeyListing(limit: 3))
    for key in first.keys where !key.root { try await scene.delete(key.id) }
    let rest = try await scene.page(KeyListing(after: first.next, limit: 10))
    #expect(rest.keys.count == 3 && rest.next == nil)
    #expect(Set(rest.keys.map(\.id)).isDisjoint(with: first.keys.map(\.id)))
  }

  @Test func `keys are filtered by environment and by status at this moment`() async throws {
    let scene = try await Scene()
    let staging = try await scene.issue(KeyDraft(friendlyName: .test("S"), environment: .staging))
    let short = try await scene.child(expiresIn: 60)
    let revoked = try await scene.child(expiresIn: 60)
    _ = try await scene.revoke(revoked.key.id)
    func ids(_ environment: KeyEnvironment? = nil, _ status: KeyStatus? = nil) async throws -> Set<KeyID> {
      let filter = KeyFilter(environment: environment, status: status)
      return Set(try await scene.page(KeyListing(filter: filter)).keys.map(\.id))
    }
    let root = scene.home.root.key.id
    #expect(try await ids(.staging) == [staging.key.id])
    #expect(try await ids(.development).isEmpty)
    #expect(try await ids(nil, .active) == [root, staging.key.id, short.key.id])
    #expect(try await ids(nil, .expired).isEmpty)
    scene.clock.advance(seconds: 60)
    #expect(try await ids(nil, .active) == [root, staging.key.id])
    #expect(try await ids(nil, .expired) == [short.key.id])
    #expect(try await ids(nil, .revoked) == [revoked.key.id])
    #expect(try await ids(.production, .active) == [root])
  }

  @Test func `another tenant's keys are on no page`() async throws {
    let scene = try await Scene()
    let theirs = try await scene.child(of: scene.neighbour)
    let listed = try await scene.page(KeyListing(limit: 200)).keys.map(\.id)
    #expect(listed == [scene.home.root.key.id])
    #expect(!listed.contains(theirs.key.id))
  }

  @Test(arguments: [
    (["apikeys:read"], true), (["apikeys:*"], true), (["*"], false), (["apikeys:write"], false),
    (["incidents:*"], false), (["apikeys"], false), (["apikeys:read:all"], false),
  ])
  func `listing needs a root key or the scope for it`(scopes: [String], may: Bool) async throws {
    let scene = try await Scene()
    let key = try await scene.issue(
      KeyDraft(friendlyName: .test("Reader"), scopes: scopes.map(Scope.init(stored:))))
    do {
      let page = try await scene.page(KeyListing(), by: Credentials(secret: key.secret))
      #expect(may && page.keys.count == 2)
    } catch Rejection.scopeRequired(let scope) {
      #expect(!may && scope == .readKeys)
    }
  }
}

extension Scene {
  fileprivate func page(_ listing: KeyListing, by credentials: Credentials? = nil) async throws -> KeyPage {
    try await keys.page(.success(listing), by: credentials ?? home.credentials, requestID: .test)
  }
}
