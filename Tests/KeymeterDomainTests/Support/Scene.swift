import KeymeterDomain
import KeymeterTesting

/// The services over an in-memory store with two organisations and a test clock.
struct Scene: Sendable {
  let clock: TestClock
  let store: InMemoryStore
  let keys: KeyService
  let organisations: OrganisationService
  let home: TestOrganisation
  let neighbour: TestOrganisation

  init() async throws {
    let clock = TestClock()
    self.clock = clock
    store = InMemoryStore { clock.now }
    keys = KeyService(store: store, peppers: try .test, random: .seeded(20))
    organisations = OrganisationService(store: store, peppers: try .test, random: .seeded(21))
    home = try await .create("home", in: store)
    neighbour = try await .create("neighbour", in: store)
  }

  /// The service over another store of the same data.
  func keys(over wrapped: any TenantStore) throws -> KeyService {
    KeyService(store: wrapped, peppers: try .test, random: .seeded(22))
  }

  /// Creates a child key of `home` or another organisation.
  func child(
    named name: String = "Till", limits: MonthlyLimits = .unrestricted, linkage: String? = nil,
    expiresIn seconds: Int64? = nil, scopes: [Scope] = [], of organisation: TestOrganisation? = nil
  ) async throws -> IssuedKey {
    let draft = KeyDraft(
      friendlyName: try .test(name), limits: limits, linkageID: try linkage.map { try .test($0) },
      scopes: [.everything] + scopes,
      expiresAt: seconds.map { clock.now.advanced(bySeconds: $0) })
    return try await keys.create(
      draft, by: (organisation ?? home).credentials)
  }

  /// A second root key of `home`.
  func secondRoot() async throws -> IssuedKey {
    try await organisations.createRootKey(home.organisation.providerID, name: .test("Second"))
  }

  func update(
    _ id: KeyID, to name: String? = nil, requests: LimitChange = .unchanged,
    tokens: LimitChange = .unchanged, speechSeconds: LimitChange = .unchanged
  ) async throws -> APIKey {
    let update = KeyUpdate(
      id: id, friendlyName: try name.map { try .test($0) }, requests: requests, tokens: tokens,
      speechSeconds: speechSeconds)
    return try await keys.update(update, by: home.credentials)
  }

  func delete(_ id: KeyID, by credentials: Credentials? = nil) async throws {
    try await keys.delete(id, by: credentials ?? home.credentials)
  }

  func rotate(
    _ id: KeyID, overlap: Int64 = 0, by credentials: Credentials? = nil
  ) async throws -> IssuedKey {
    try await keys.rotate(
      KeyRotation(id: id, overlapSeconds: overlap), by: credentials ?? home.credentials)
  }

  func revoke(_ id: KeyID, by credentials: Credentials? = nil) async throws -> APIKey {
    try await keys.revoke(id, by: credentials ?? home.credentials)
  }

  /// Whether a secret authenticates.
  func authenticates(_ secret: KeySecret) async throws -> Bool {
    do {
      _ = try await keys.ownKey(Credentials(secret: secret))
      return true
    } catch Rejection.notAuthentic {
      return false
    }
  }

  func allKeys(of organisation: TestOrganisation? = nil) async throws -> [APIKey] {
    try await keys.allKeys((organisation ?? home).credentials).keys
  }

  /// The audit entries after the first `count`.
  func log(since count: Int) -> [AuditEntry] { Array(store.auditLog.dropFirst(count)) }
}
