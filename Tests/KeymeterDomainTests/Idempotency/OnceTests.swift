import KeymeterTesting
import Synchronization
import Testing

@testable import KeymeterDomain

@Suite struct OnceTests {
  private struct NoEffect: Error {}

  private let scene: Scene
  private let name: IdempotencyKey

  init() async throws {
    scene = try await Scene()
    name = try IdempotencyKey(validating: "first")
  }

  @Test("A retried transaction keeps one effect, one audit entry and one response")
  func retried()
    async throws
  {
    let keys = try scene.keys(over: RetryingStore(store: scene.store))
    let logged = scene.store.auditLog.count
    let request = request(by: scene.home.root.secret)
    let first = try await create(request, on: keys)
    #expect(!first.replayed)
    #expect(try await create(request).body == first.body)
    #expect(scene.log(since: logged).count == 1)
  }

  @Test("If the response can't be stored, the effect is undone")
  func notStored() async throws {
    struct Broken: Error {}
    scene.store.observe { call in if call == .keep { throw Broken() } }
    await #expect(throws: Broken.self) {
      try await create(request(by: scene.home.root.secret))
    }
    #expect(try await scene.allKeys().count == 1)
    #expect(try await scene.store.answers() == 0)
  }

  @Test("An outcome without effect is not stored, and a retry is judged again")
  func noEffect() async throws {
    let request = request(by: scene.home.root.secret)
    await #expect(throws: NoEffect.self) { try await create(request) { _ in throw NoEffect() } }
    #expect(try await scene.store.answers() == 0)
    #expect(try await !create(request).replayed)
  }

  @Test("After a rotation the new secret can't open the response, and nothing runs twice")
  func rotated()
    async throws
  {
    var random = RandomSource.seeded(50)
    let rotated = KeySecret(environment: .production, random: &random)
    let key = scene.home.root.key
    let work = Mutex(0)
    func run(_ request: IdempotentRequest) async throws -> TestResponse {
      try await scene.store.withTransaction { transaction in
        try await transaction.once(
          request, by: key.id, of: key.organisationID,
          answer: { (_: Void) in TestResponse([1]) },
          work: { work.withLock { $0 += 1 } })
      }
    }
    _ = try await run(request(by: scene.home.root.secret))
    await #expect(throws: IdempotencyRejection.unreadable) { try await run(request(by: rotated)) }
    #expect(work.withLock { $0 } == 1)
  }

  private func request(by secret: KeySecret, body: String = "body") -> IdempotentRequest {
    IdempotentRequest(
      name: name, fingerprint: RequestFingerprint(method: "POST", path: "/", body: Array(body.utf8)),
      secret: secret)
  }

  @discardableResult
  private func create(
    _ request: IdempotentRequest?, on keys: KeyService? = nil,
    answer: @Sendable (IssuedKey) throws -> TestResponse = { issued in
      TestResponse(Array(issued.secret.revealed.utf8))
    }
  ) async throws -> TestResponse {
    let draft = KeyDraft(friendlyName: try .test("Till"))
    return try await (keys ?? scene.keys).create(
      { (draft, request) }, by: .test(scene.home.credentials), answer: answer)
  }
}
