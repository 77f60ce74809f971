import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Idempotency keys", .timeLimit(.minutes(10)))
struct IdempotencyConformance {
  private struct Interruption: Error {}

  @Test(
    "The transaction that claims an idempotency key stores the response, and a retry gets it",
    arguments: Backend.allCases)
  func kept(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let answer = try await under.record("a", tokens: 3, by: key)
      #expect(!answer.replayed)
      let again = try await under.record("a", tokens: 3, by: key)
      #expect(again.replayed && again.body == answer.body)
      #expect(try await key.used() == Amounts(tokens: 3))
      #expect(try await under.hooks.answers() == 1)
    }
  }

  @Test(
    "A rolled-back transaction stores no response and releases its idempotency key",
    arguments: Backend.allCases)
  func undone(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      await #expect(throws: Interruption.self) {
        _ = try await under.record("a", tokens: 3, by: key) { _ in throw Interruption() }
      }
      #expect(try await under.hooks.answers() == 0)
      #expect(try await key.used() == .zero)
      #expect(try await !under.record("a", tokens: 3, by: key).replayed)
    }
  }

  @Test(
    "An expired response counts as absent, whether or not it was purged", arguments: Backend.allCases,
    [false, true])
  func expired(backend: Backend, swept: Bool) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      _ = try await under.record("a", tokens: 3, by: key)
      #expect(try await under.hooks.purgeAnswers() == 0, "not expired yet")
      try await under.hooks.runOutAnswers()
      if swept { #expect(try await under.hooks.purgeAnswers() == 1) }
      #expect(try await !under.record("a", tokens: 4, by: key).replayed)
      #expect(try await under.record("a", tokens: 4, by: key).replayed)
      #expect(try await key.used() == Amounts(tokens: 7))
      #expect(try await under.hooks.answers() == 1)
    }
  }

  @Test(
    "Idempotency keys are scoped to one API key, within an organisation and across organisations",
    arguments: Backend.allCases)
  func scoped(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let keys = [
        try await under.key(of: clinic), try await under.key(of: clinic), try await under.key(),
      ]
      for (number, key) in keys.enumerated() {
        #expect(try await !under.record("a", tokens: Int64(number), by: key).replayed)
      }
      for (number, key) in keys.enumerated() {
        #expect(try await under.record("a", tokens: Int64(number), by: key).replayed)
      }
      #expect(try await under.hooks.answers() == 3)
    }
  }

  @Test("Metering and key management share an API key's idempotency keys", arguments: Backend.allCases)
  func shared(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let root = MeteredKey(
        under: under, organisation: clinic.organisation, key: clinic.root.key, secret: clinic.root.secret)
      _ = try await under.record("a", tokens: 3, by: root)
      await #expect(throws: IdempotencyRejection.reused) { _ = try await under.create("a", by: clinic) }
      #expect(try await under.entered(clinic.organisation.id) { try await $0.keys() }.count == 1)
    }
  }

  @Test(
    "Of 32 concurrent requests one takes effect, and the others get its response or a retry error",
    arguments: Backend.allCases)
  func racers(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let answers = try await withThrowingTaskGroup(of: TestResponse?.self) { group in
        for _ in 0..<32 {
          group.addTask {
            do {
              return try await under.create("race", by: clinic)
            } catch IdempotencyRejection.inFlight {
              return nil
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let responses = answers.compactMap(\.self)
      #expect(responses.count { !$0.replayed } == 1)
      #expect(Set(responses.map(\.body)).count == 1)
      #expect(try await under.entered(clinic.organisation.id) { try await $0.keys() }.count == 2)
      #expect(try await under.create("race", by: clinic).replayed)
      #expect(try await under.auditLog().count { $0.action == "key.created" } == 2)
    }
  }

  // The in-memory store runs one transaction at a time, so two never hold the same idempotency key.
  @Test(
    "An idempotency key that an open transaction holds is reported as in flight at once",
    arguments: [Backend.postgres])
  func inFlight(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let entry = IdempotencyEntry(
        organisationID: key.organisation.id, keyID: key.id, name: try IdempotencyKey(validating: "a"))
      try await under.entered(key.organisation.id) { transaction in
        #expect(try await transaction.claim(entry) == .free)
        await #expect(throws: IdempotencyRejection.inFlight) {
          _ = try await under.record("a", tokens: 3, by: key)
        }
        let seen = try await under.entered(key.organisation.id) { try await $0.claim(entry) }
        #expect(seen == .inFlight, "key management sees it too")
        #expect(try await !under.record("b", tokens: 1, by: key).replayed, "another idempotency key is free")
      }
      #expect(try await !under.record("a", tokens: 3, by: key).replayed)
      #expect(try await key.used() == Amounts(tokens: 4))
    }
  }
}

extension StoreUnderTest {
  private func request(_ name: String, _ body: String, by secret: KeySecret) throws -> IdempotentRequest {
    IdempotentRequest(
      name: try IdempotencyKey(validating: name),
      fingerprint: RequestFingerprint(method: "POST", path: "/", body: Array(body.utf8)), secret: secret)
  }

  /// Records tokens under an idempotency key.
  ///
  /// `first` runs after the charge, while the transaction is open.
  fileprivate func record(
    _ name: String, tokens: Int64, by key: MeteredKey,
    first: @Sendable (RecordedUsage) throws -> Void = { _ in }
  ) async throws -> TestResponse {
    let request = try request(name, "\(tokens)", by: key.secret)
    return try await UsageService(admission: admission, store: store, peppers: try peppers).record(
      { ((Amounts(tokens: tokens), nil), request) }, by: .test(Credentials(secret: key.secret))
    ) { recording in
      try first(recording)
      return TestResponse(Array("\(recording)".utf8))
    }
  }

  /// Creates a key under an idempotency key.
  fileprivate func create(_ name: String, by clinic: TestOrganisation) async throws -> TestResponse {
    let request = try request(name, "racer", by: clinic.root.secret)
    let draft = KeyDraft(friendlyName: try .test("Racer"))
    return try await KeyService(store: store, peppers: try peppers).create(
      { (draft, request) }, by: .test(clinic.credentials)
    ) { issued in
      TestResponse(Array(issued.secret.revealed.utf8))
    }
  }
}
