import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct OrganisationServiceTests {
  @Test("A new organisation has one root key with all permissions")
  func created() async throws {
    let scene = try await Scene()
    let provider = try ProviderID(validating: "acme")
    let (organisation, root) = try await scene.organisations.create(provider: provider, name: .test("Acme"))
    #expect(organisation.id.rawValue.hasPrefix("org_"))
    #expect(organisation.providerID == provider)
    #expect(organisation.name.rawValue == "Acme")
    #expect(organisation.createdAt == scene.clock.now)
    #expect(root.key.organisationID == organisation.id)
    #expect(root.key.root)
    #expect(root.key.friendlyName.rawValue == "Root key")
    #expect(root.key.environment == .production)
    #expect(root.key.scopes == [.everything])
    #expect(root.key.limits == .unrestricted)
    #expect(root.key.expiresAt == nil)
    let shown = try await scene.organisations.show(provider)
    #expect(shown.organisation == organisation)
    #expect(shown.keys == [root.key])
    let credentials = Credentials(secret: root.secret, provider: provider)
    #expect(try await scene.keys.allKeys(credentials).keys.count == 1)
  }

  @Test("A provider id is unique, and a second organisation with it is not created")
  func providerTaken() async throws {
    let scene = try await Scene()
    let before = try await scene.organisations.list()
    let logged = scene.store.auditLog.count
    await #expect(throws: Rejection.providerTaken) {
      try await scene.organisations.create(
        provider: scene.home.organisation.providerID, name: .test("Other"))
    }
    #expect(try await scene.organisations.list() == before)
    #expect(scene.store.auditLog.count == logged)
  }

  @Test("Organisations are listed by provider id")
  func listed() async throws {
    let scene = try await Scene()
    _ = try await TestOrganisation.create("alpha", in: scene.store)
    _ = try await TestOrganisation.create("Zulu", in: scene.store)
    #expect(
      try await scene.organisations.list().map(\.providerID.rawValue) == [
        "Zulu", "alpha", "home", "neighbour",
      ])
  }

  @Test("A rename changes only the name of one organisation")
  func renamed() async throws {
    let scene = try await Scene()
    let provider = scene.home.organisation.providerID
    try await scene.organisations.rename(provider, to: .test("New"))
    let shown = try await scene.organisations.show(provider)
    #expect(shown.organisation.name.rawValue == "New")
    #expect(shown.organisation.id == scene.home.organisation.id)
    #expect(shown.keys == [scene.home.root.key])
    let other = try await scene.organisations.show(scene.neighbour.organisation.providerID)
    #expect(other.organisation == scene.neighbour.organisation)
  }

  @Test("A rename to the same name writes nothing")
  func sameName() async throws {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    try await scene.organisations.rename(
      scene.home.organisation.providerID, to: scene.home.organisation.name)
    #expect(scene.store.auditLog.count == logged)
  }

  @Test("A deleted organisation's keys are rejected, and its neighbour's still work")
  func deleted() async throws {
    let scene = try await Scene()
    let child = try await scene.child()
    try await scene.organisations.delete(scene.home.organisation.providerID)
    for credentials in [scene.home.credentials, scene.home.credentials(child.secret)] {
      await #expect(throws: Rejection.unknownProvider) {
        try await scene.keys.ownKey(credentials)
      }
    }
    #expect(try await scene.organisations.list() == [scene.neighbour.organisation])
    #expect(try await scene.keys.ownKey(scene.neighbour.credentials).root)
  }

  @Test("A reused provider id is another organisation, and the old keys are rejected")
  func reused()
    async throws
  {
    let scene = try await Scene()
    try await scene.organisations.delete(scene.home.organisation.providerID)
    let again = try await TestOrganisation.create("home", in: scene.store)
    #expect(again.organisation.id != scene.home.organisation.id)
    await #expect(throws: Rejection.notAuthentic) {
      try await scene.keys.ownKey(scene.home.credentials)
    }
  }

  @Test("A second root key can be created next to the first")
  func secondRoot() async throws {
    let scene = try await Scene()
    let second = try await scene.secondRoot()
    #expect(second.key.root)
    #expect(second.key.friendlyName.rawValue == "Second")
    #expect(second.key.organisationID == scene.home.organisation.id)
    for secret in [second.secret, scene.home.root.secret] {
      #expect(try await scene.keys.allKeys(scene.home.credentials(secret)).keys.count == 2)
    }
  }

  @Test("Every operation on an unknown organisation is rejected")
  func unknown() async throws {
    let scene = try await Scene()
    let unknown = try ProviderID(validating: "unknown")
    let name = try Label.test("Name")
    let logged = scene.store.auditLog.count
    await #expect(throws: Rejection.organisationNotFound) { try await scene.organisations.show(unknown) }
    await #expect(throws: Rejection.organisationNotFound) {
      try await scene.organisations.rename(unknown, to: name)
    }
    await #expect(throws: Rejection.organisationNotFound) { try await scene.organisations.delete(unknown) }
    await #expect(throws: Rejection.organisationNotFound) {
      try await scene.organisations.createRootKey(unknown, name: name)
    }
    #expect(scene.store.auditLog.count == logged)
  }

  @Test("A retried transaction creates one organisation with the returned root key")
  func retried() async throws {
    let scene = try await Scene()
    let service = OrganisationService(store: RetryingStore(store: scene.store), peppers: try .test)
    let logged = scene.store.auditLog.count
    let provider = try ProviderID(validating: "acme")
    let (organisation, root) = try await service.create(provider: provider, name: .test("Acme"))
    let shown = try await scene.organisations.show(provider)
    #expect(shown.organisation == organisation)
    #expect(shown.keys == [root.key])
    #expect(scene.log(since: logged).map(\.action) == [.organisationCreated, .keyCreated])
    let credentials = Credentials(secret: root.secret, provider: provider)
    #expect(try await scene.keys.ownKey(credentials).id == root.key.id)
  }
}
