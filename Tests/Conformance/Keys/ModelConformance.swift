import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Testing

/// Runs the same random operations on the in-memory model and on PostgreSQL, and compares every result.
@Suite("PostgreSQL agrees with the in-memory model", .timeLimit(.minutes(10)))
struct ModelConformance {
  @Test(
    "Random operations of several organisations have the same results",
    arguments: [11, 12, 13, 14] as [UInt64])
  func randomOperations(seed: UInt64) async throws {
    let model = InMemoryStore()
    try await TestDatabase.withMigrated { database in
      try await database.withStores { (real, owner) in
        var players = [
          try await Player(store: model, operatorStore: model, seed: seed),
          try await Player(store: real, operatorStore: owner, seed: seed),
        ]
        var choices = SeededGenerator(seed: seed)
        for step in 0..<250 {
          let operation = Operation.random(using: &choices)
          let expected = try await players[0].play(operation)
          let actual = try await players[1].play(operation)
          #expect(actual == expected, "seed \(seed), step \(step): \(operation)")
          #expect(try await players[1].everything() == players[0].everything(), "seed \(seed), step \(step)")
        }
      }
    }
  }
}

extension TestDatabase {
  /// Runs `body` with a store in the server's role and one in the owner's role.
  fileprivate func withStores(
    _ body: (PostgresTenantStore, PostgresTenantStore) async throws -> Void
  ) async throws {
    try await withPool(as: .app) { pool in
      try await withPool(as: .owner) { owner in
        try await body(PostgresTenantStore(pool: pool), PostgresTenantStore(pool: owner))
      }
    }
  }
}

/// One operation of a caller.
///
/// Its numbers select among the keys that exist when it runs.
private enum Operation {
  case create(tenant: Int, caller: Int, linkage: Int?, limit: Int64?)
  case update(tenant: Int, caller: Int, target: Int, name: Int?, limit: LimitChange)
  case delete(tenant: Int, caller: Int, target: Int)
  case get(tenant: Int, caller: Int)
  case list(tenant: Int, caller: Int)
  case createRoot(tenant: Int)
  case issue(caller: Int, scopes: [String], limit: Int64?, environment: KeyEnvironment)
  case rotate(caller: Int, target: Int, overlapSeconds: Int64)
  case revoke(caller: Int, target: Int)
  case deleteAny(caller: Int, target: Int)
  case page(caller: Int, size: Int, environment: KeyEnvironment?, status: KeyStatus?)

  static func random(using random: inout SeededGenerator) -> Operation {
    let tenant = Int.random(in: 0..<2, using: &random)
    let caller = Int.random(in: 0..<8, using: &random)
    let target = Int.random(in: 0..<12, using: &random)
    switch Int.random(in: 0..<20, using: &random) {
    case 0...3:
      return .create(
        tenant: tenant, caller: caller, linkage: Bool.random(using: &random) ? target : nil,
        limit: Bool.random(using: &random) ? Int64.random(in: 0...MonthlyLimits.largest, using: &random) : nil
      )
    case 4...5:
      let limits: [LimitChange] = [.unchanged, .cleared, .set(0), .set(MonthlyLimits.largest)]
      return .update(
        tenant: tenant, caller: caller, target: target, name: Bool.random(using: &random) ? target : nil,
        limit: limits[Int.random(in: 0..<4, using: &random)])
    case 6: return .delete(tenant: tenant, caller: caller, target: target)
    case 7: return .get(tenant: tenant, caller: caller)
    case 8: return .list(tenant: tenant, caller: caller)
    case 9: return .createRoot(tenant: tenant)
    default: return ofManagers(caller: caller, target: target, using: &random)
    }
  }

  /// Operations whose organisation follows from the caller's key.
  private static func ofManagers(
    caller: Int, target: Int, using random: inout SeededGenerator
  ) -> Operation {
    let environment: KeyEnvironment = Int.random(in: 0..<4, using: &random) == 0 ? .staging : .production
    switch Int.random(in: 0..<10, using: &random) {
    case ..<4:
      let scopes = [["*"], ["apikeys:*", "a:*"], ["apikeys:write", "a:b"], ["a:b"]]
      return .issue(
        caller: caller, scopes: scopes[Int.random(in: 0..<4, using: &random)],
        limit: Bool.random(using: &random) ? Int64.random(in: 0...9, using: &random) : nil,
        environment: environment)
    case ..<6:
      return .rotate(
        caller: caller, target: target, overlapSeconds: Bool.random(using: &random) ? 604_800 : 0)
    case 6: return .revoke(caller: caller, target: target)
    case 7: return .deleteAny(caller: caller, target: target)
    default:
      return .page(
        caller: caller, size: Int.random(in: 1...4, using: &random),
        environment: Bool.random(using: &random) ? environment : nil,
        status: Bool.random(using: &random) ? KeyStatus.allCases[target % 3] : nil)
    }
  }
}

/// Runs operations on one store.
///
/// Equal seeds give equal keys and ids on every store.
private struct Player {
  let keys: KeyService
  let organisations: OrganisationService
  let tenants: [ProviderID]
  /// All keys ever issued in all organisations, including dead ones.
  var issued: [IssuedKey] = []

  init(store: any TenantStore, operatorStore: any TenantStore, seed: UInt64) async throws {
    let random = RandomSource.seeded(seed)
    keys = KeyService(store: store, peppers: try .test, random: random)
    organisations = OrganisationService(store: operatorStore, peppers: try .test, random: random)
    tenants = [try ProviderID(validating: "one"), try ProviderID(validating: "two")]
    for tenant in tenants {
      issued.append(try await organisations.create(provider: tenant, name: .test("Tenant")).rootKey)
    }
  }

  /// The operation's outcome as text, without timestamps, which differ between stores.
  mutating func play(_ operation: Operation) async throws -> String {
    do {
      return try await result(of: operation)
    } catch let rejection as Rejection {
      return "\(rejection)"
    }
  }

  func everything() async throws -> [String] {
    var lines: [String] = []
    for tenant in tenants {
      lines += try await organisations.show(tenant).keys.map(Self.line).sorted()
    }
    return lines
  }

  private mutating func result(of operation: Operation) async throws -> String {
    switch operation {
    case .create(let tenant, let caller, let linkage, let limit):
      let draft = KeyDraft(
        friendlyName: try .test("Created"), limits: .init(tokens: limit),
        linkageID: try linkage.map { try .test("linkage \($0)") })
      let key = try await keys.create(draft, by: credentials(tenant, caller))
      issued.append(key)
      return Self.line(key.key)
    case .update(let tenant, let caller, let target, let name, let limit):
      let update = KeyUpdate(
        id: id(target), friendlyName: try name.map { try .test("name \($0)") }, requests: limit)
      return Self.line(
        try await keys.update(update, by: credentials(tenant, caller)))
    case .delete(let tenant, let caller, let target):
      try await keys.delete(id(target), by: credentials(tenant, caller))
      return "deleted"
    case .get(let tenant, let caller):
      return Self.line(try await keys.ownKey(credentials(tenant, caller)))
    case .list(let tenant, let caller):
      return try await keys.allKeys(credentials(tenant, caller)).keys.map(Self.line)
        .sorted()
        .joined()
    case .createRoot(let tenant):
      let key = try await organisations.createRootKey(tenants[tenant], name: .test("Another root"))
      issued.append(key)
      return Self.line(key.key)
    default: return try await resultOfManagers(operation)
    }
  }

  private mutating func resultOfManagers(_ operation: Operation) async throws -> String {
    switch operation {
    case .issue(let caller, let scopes, let limit, let environment):
      let draft = KeyDraft(
        friendlyName: try .test("Issued"), limits: .init(tokens: limit), environment: environment,
        scopes: scopes.map(Scope.init(stored:)))
      let key = try await keys.create(
        draft, by: bare(caller), under: .rootKeysAndScopes)
      issued.append(key)
      return Self.line(key.key)
    case .rotate(let caller, let target, let overlap):
      let rotation = KeyRotation(id: id(target), overlapSeconds: overlap)
      let key = try await keys.rotate(rotation, by: bare(caller))
      issued.append(key)
      return Self.line(key.key)
    case .revoke(let caller, let target):
      return Self.line(try await keys.revoke(id(target), by: bare(caller)))
    case .deleteAny(let caller, let target):
      try await keys.delete(
        id(target), by: bare(caller), under: .rootKeysAndScopes)
      return "deleted"
    case .page(let caller, let size, let environment, let status):
      return try await pages(by: bare(caller), size, KeyFilter(environment: environment, status: status))
    default: return "not of managers"
    }
  }

  /// All pages, sorted.
  ///
  /// Keys that the model creates at one time have different times in PostgreSQL.
  private func pages(by caller: Credentials, _ size: Int, _ filter: KeyFilter) async throws -> String {
    var lines: [String] = []
    var next: KeyPosition?
    repeat {
      let listing = KeyListing(filter: filter, after: next, limit: size)
      let page = try await keys.page(listing, by: caller)
      lines += page.keys.map(Self.line)
      next = page.next
    } while next != nil
    return lines.sorted().joined()
  }

  private func bare(_ caller: Int) -> Credentials {
    Credentials(secret: issued[caller % issued.count].secret)
  }

  private func credentials(_ tenant: Int, _ caller: Int) -> Credentials {
    Credentials(secret: issued[caller % issued.count].secret, provider: tenants[tenant])
  }

  private func id(_ target: Int) -> KeyID { issued[target % issued.count].key.id }

  private static func line(_ key: APIKey) -> String {
    "\(key.id) \(key.organisationID) \(key.friendlyName) \(key.limits) \(key.linkageID) \(key.root) \(key.hint) "
      + "\(key.status) \(key.environment) \(key.scopes)"
  }
}
