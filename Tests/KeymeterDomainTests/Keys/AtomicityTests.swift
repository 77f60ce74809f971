import KeymeterDomain
import KeymeterTesting
import Testing

/// A change and its line in the log are one: where the line can't be written, the change is not made.
@Suite struct AtomicityTests {
  @Test(arguments: Operation.changes)
  func `a key's change that can't be logged leaves nothing`(operation: Operation) async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    let keys = try scene.keys(over: failing(scene.store, at: .append))
    let rename = KeyUpdate(id: child.key.id, friendlyName: try .test("Desk"))
    try await expectNothingLeft(in: scene) {
      if operation == .update {
        _ = try await keys.update(.success(rename), by: scene.home.credentials, requestID: .test)
      } else {
        try await operation.run(.success(child.key.id), by: scene.home.credentials, on: keys)
      }
    }
    let own = try await scene.keys.ownKey(scene.home.credentials(child.secret), requestID: .test)
    #expect(own == child.key)
  }

  @Test(arguments: [StoreCall.append, .insertKey, .insertOrganisation])
  func `an organisation that can't be made whole is not made`(call: StoreCall) async throws {
    let scene = try await Scene()
    let service = try scene.organisations(over: failing(scene.store, at: call))
    try await expectNothingLeft(in: scene) {
      _ = try await service.create(provider: ProviderID(validating: "acme"), name: .test("Acme"))
    }
  }

  @Test func `an organisation's change that can't be logged leaves nothing`() async throws {
    let scene = try await Scene()
    let service = try scene.organisations(over: failing(scene.store, at: .append))
    let provider = scene.home.organisation.providerID
    try await expectNothingLeft(in: scene) { try await service.rename(provider, to: .test("New")) }
    try await expectNothingLeft(in: scene) { try await service.delete(provider) }
    try await expectNothingLeft(in: scene) {
      _ = try await service.createRootKey(provider, name: .test("Second"))
    }
  }

  @Test func `an organisation that can't be deleted is not logged as deleted`() async throws {
    let scene = try await Scene()
    let service = try scene.organisations(over: failing(scene.store, at: .deleteOrganisation))
    try await expectNothingLeft(in: scene) {
      try await service.delete(scene.home.organisation.providerID)
    }
  }

  private func failing(_ store: any ManagementStore, at failingCall: StoreCall) -> ObservedStore {
    ObservedStore(store: store) { call in
      if call == failingCall { throw Broken() }
    }
  }

  private func expectNothingLeft(in scene: Scene, after body: () async throws -> Void) async throws {
    let organisations = try await scene.organisations.list()
    let keys = try await scene.organisations.show(scene.home.organisation.providerID).keys
    let log = scene.store.auditLog
    await #expect(throws: Broken()) { try await body() }
    #expect(try await scene.organisations.list() == organisations)
    #expect(try await scene.organisations.show(scene.home.organisation.providerID).keys == keys)
    #expect(scene.store.auditLog == log)
  }
}

private struct Broken: Error, Equatable {}
