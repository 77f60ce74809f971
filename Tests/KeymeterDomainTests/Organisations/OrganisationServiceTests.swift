import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct OrganisationServiceTests {
  @Test func `an organisation begins with one root key that may do everything`() async throws {
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

  @Test func `a provider id is given once, and the second asker gets nothing`() async throws {
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

  @Test func `organisations are listed by provider id`() async throws {
    let scene = try await Scene()
    _ = try await TestOrganisation.create("alpha", in: scene.store)
    _ = try await TestOrganisation.create("Zulu", in: scene.store)
    #expect(
      try await scene.organisations.list().map(\.providerID.rawValue) == [
        "Zulu", "alpha", "home", "neighbour",
      ])
  }

  @Test func `a rename changes the name of one organisation and nothing else`() async throws {
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

  @Test func `a deleted organisation's keys authenticate no more, and its neighbour's still do`() async throws
  {
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

  @Test func `a provider id that comes again is another organisation, which the old keys don't open`()
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

  @Test func `a lost root key is replaced by another, beside the first`() async throws {
    let scene = try await Scene()
    let second = try await scene.secondRoot()
    #expect(second.key.root)
    #expect(second.key.friendlyName.rawValue == "Second")
    #expect(second.key.organisationID == scene.home.organisation.id)
    for secret in [second.secret, scene.home.root.secret] {
      #expect(try await scene.keys.allKeys(scene.home.credentials(secret)).keys.count == 2)
    }
  }

  @Test func `an organisation that there is not is not found, whatever is asked of it`() async throws {
    let scene = try await Scene()
    let nobody = try ProviderID(validating: "nobody")
    let name = try Label.test("Name")
    let logged = scene.store.auditLog.count
    await #expect(throws: Rejection.organisationNotFound) { try await scene.organisations.show(nobody) }
    await #expect(throws: Rejection.organisationNotFound) {
      try await scene.organisations.rename(nobody, to: name)
    }
    await #expect(throws: Rejection.organisationNotFound) { try await scene.organisations.delete(nobody) }
    await #expect(throws: Rejection.organisationNotFound) {
      try await scene.organisations.createRootKey(nobody, name: name)
    }
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `a transaction that is run again makes one organisation, with the root key shown`() async throws
  {
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
