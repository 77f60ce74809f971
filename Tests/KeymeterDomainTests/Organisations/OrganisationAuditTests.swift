import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct OrganisationAuditTests {
  @Test("An organisation and its root key are logged as one request of the command line")
  func created()
    async throws
  {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    let (organisation, root) = try await scene.organisations.create(
      provider: ProviderID(validating: "acme"), name: .test("Acme"))
    let entries = scene.log(since: logged)
    #expect(entries.map(\.action) == [.organisationCreated, .keyCreated])
    #expect(entries.map(\.target) == [organisation.id.rawValue, root.key.id.rawValue])
    #expect(entries.allSatisfy { $0.principal == .commandLine && $0.organisationID == organisation.id })
    #expect(Set(entries.map(\.requestID)).count == 1)
    #expect(entries.allSatisfy { $0.requestID.rawValue.hasPrefix("req_") })
    #expect(
      entries.first?.changes == [
        FieldChange("provider_id", from: nil, to: .text("acme")),
        FieldChange("name", from: nil, to: .text("Acme")),
      ])
    expectRootKeyFields(entries.last, of: root, name: "Root key")
  }

  @Test("Another root key is logged for the command line")
  func secondRoot() async throws {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    let root = try await scene.secondRoot()
    let entries = scene.log(since: logged)
    #expect(entries.map(\.action) == [.keyCreated])
    #expect(entries.map(\.target) == [root.key.id.rawValue])
    #expect(entries.map(\.principal) == [.commandLine])
    expectRootKeyFields(entries.last, of: root, name: "Second")
  }

  @Test("A rename is logged with both names")
  func renamed() async throws {
    let scene = try await Scene()
    let logged = scene.store.auditLog.count
    try await scene.organisations.rename(scene.home.organisation.providerID, to: .test("New"))
    let entries = scene.log(since: logged)
    #expect(entries.map(\.action) == [.organisationRenamed])
    #expect(entries.map(\.target) == [scene.home.organisation.id.rawValue])
    #expect(
      entries.map(\.changes) == [
        [FieldChange("name", from: .text("Organisation home"), to: .text("New"))]
      ])
  }

  @Test("A deletion is logged, and the log outlives the organisation")
  func deleted() async throws {
    let scene = try await Scene()
    let before = scene.store.auditLog
    try await scene.organisations.delete(scene.home.organisation.providerID)
    #expect(Array(scene.store.auditLog.prefix(before.count)) == before)
    let entries = scene.log(since: before.count)
    #expect(entries.map(\.action) == [.organisationDeleted])
    #expect(entries.map(\.organisationID) == [scene.home.organisation.id])
    #expect(
      entries.map(\.changes) == [
        [
          FieldChange("provider_id", from: .text("home"), to: nil),
          FieldChange("name", from: .text("Organisation home"), to: nil),
        ]
      ])
  }

  private func expectRootKeyFields(_ entry: AuditEntry?, of root: IssuedKey, name: String) {
    #expect(
      entry?.changes == [
        FieldChange("friendly_name", from: nil, to: .text(name)),
        FieldChange("root", from: nil, to: .boolean(true)),
        FieldChange("environment", from: nil, to: .text("PRODUCTION")),
        FieldChange("scopes", from: nil, to: .list(["*"])),
        FieldChange("linkage_id", from: nil, to: .text(root.key.linkageID.rawValue)),
        FieldChange("key_hint", from: nil, to: .text(root.secret.hint)),
      ])
  }
}
