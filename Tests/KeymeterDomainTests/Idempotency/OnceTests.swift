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

  @Test func `a request is carried out once, and its answer given again`() async throws {
    let request = request(by: scene.home.root.secret)
    let first = try await create(request)
    let again = try await create(request)
    #expect(!first.replayed && again.replayed)
    #expect(again.body == first.body && again.fields == first.fields && again.status == first.status)
    #expect(try await scene.allKeys().count == 2)
  }

  @Test func `without a name it is carried out each time`() async throws {
    #expect(try await create(nil).body != create(nil).body)
    #expect(try await scene.allKeys().count == 3)
  }

  @Test func `effect, log line and answer are one: the transaction that is run twice keeps one of each`()
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

  @Test func `where the answer can't be kept, nothing was done`() async throws {
    struct Broken: Error {}
    let keys = try scene.keys(
      over: ObservedStore(store: scene.store) { call in if call == .keep { throw Broken() } })
    await #expect(throws: Broken.self) {
      try await create(request(by: scene.home.root.secret), on: keys)
    }
    #expect(try await scene.allKeys().count == 1)
    #expect(try await scene.store.answers() == 0)
  }

  @Test func `an outcome without effect is not kept, and judged afresh`() async throws {
    let request = request(by: scene.home.root.secret)
    await #expect(throws: NoEffect.self) { try await create(request) { _ in throw NoEffect() } }
    #expect(try await scene.store.answers() == 0)
    #expect(try await !create(request).replayed)
  }

  @Test func `another payload under the same name is refused, and has no effect`() async throws {
    _ = try await create(request(by: scene.home.root.secret))
    await #expect(throws: IdempotencyRejection.reused) {
      try await create(request(by: scene.home.root.secret, body: "other"))
    }
    #expect(try await scene.allKeys().count == 2)
  }

  @Test func `while another transaction is at it, nothing is done`() async throws {
    try await scene.store.setNamesInFlight(true)
    await #expect(throws: IdempotencyRejection.inFlight) {
      try await create(request(by: scene.home.root.secret))
    }
    try await scene.store.setNamesInFlight(false)
    #expect(try await scene.allKeys().count == 1)
  }

  @Test func `after the caller's key has got a new value, the answer stays shut and nothing is done twice`()
    async throws
  {
    var random = RandomSource.seeded(50)
    let rotated = KeySecret(environment: .production, random: &random)
    let key = scene.home.root.key
    let work = Mutex(0)
    func run(_ request: IdempotentRequest) async throws -> StoredResponse {
      try await scene.store.withTransaction { transaction in
        try await transaction.once(
          request, by: key.id, of: key.organisationID,
          answer: { (_: Void) in StoredResponse(status: 200, fields: [], body: [1]) },
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
    answer: @Sendable (IssuedKey) throws -> StoredResponse = { issued in
      StoredResponse(
        status: 201, fields: [.init(name: "A", value: "b")], body: Array(issued.secret.revealed.utf8))
    }
  ) async throws -> StoredResponse {
    try await (keys ?? scene.keys).create(
      .success(KeyDraft(friendlyName: try .test("Till"))), by: scene.home.credentials, requestID: .test,
      repeatable: request, answer: answer)
  }
}
