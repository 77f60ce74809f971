import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("A change and its audit entry are atomic")
struct AtomicityTests {
  @Test("A change of a key that can't be logged is undone", arguments: KeyChange.allCases)
  func keys(change: KeyChange) async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    try await expectNothingLeft(in: scene, failing: .append) {
      try await change.run(on: child.key.id, by: scene.home.credentials, scene.keys)
    }
    #expect(try await scene.keys.ownKey(scene.home.credentials(child.secret)) == child.key)
  }

  @Test(
    "An organisation is created completely or not at all",
    arguments: [StoreCall.append, .insertKey, .insertOrganisation])
  func creation(call: StoreCall) async throws {
    let scene = try await Scene()
    try await expectNothingLeft(in: scene, failing: call) {
      _ = try await scene.organisations.create(
        provider: ProviderID(validating: "acme"), name: .test("Acme"))
    }
  }

  @Test("A change of an organisation that can't be logged is undone")
  func organisations() async throws {
    let scene = try await Scene()
    let provider = scene.home.organisation.providerID
    try await expectNothingLeft(in: scene, failing: .append) {
      try await scene.organisations.rename(provider, to: .test("New"))
    }
    try await expectNothingLeft(in: scene, failing: .append) {
      try await scene.organisations.delete(provider)
    }
    try await expectNothingLeft(in: scene, failing: .append) {
      _ = try await scene.organisations.createRootKey(provider, name: .test("Second"))
    }
  }

  @Test("An organisation that can't be deleted is not logged as deleted")
  func deletion() async throws {
    let scene = try await Scene()
    try await expectNothingLeft(in: scene, failing: .deleteOrganisation) {
      try await scene.organisations.delete(scene.home.organisation.providerID)
    }
  }

  private func expectNothingLeft(
    in scene: Scene, failing failingCall: StoreCall, after body: () async throws -> Void
  ) async throws {
    let organisations = try await scene.organisations.list()
    let keys = try await scene.organisations.show(scene.home.organisation.providerID).keys
    let log = scene.store.auditLog
    scene.store.observe { call in if call == failingCall { throw Broken() } }
    await #expect(throws: Broken()) { try await body() }
    scene.store.observe(nil)
    #expect(try await scene.organisations.list() == organisations)
    #expect(try await scene.organisations.show(scene.home.organisation.providerID).keys == keys)
    #expect(scene.store.auditLog == log)
  }
}

private struct Broken: Error, Equatable {}
