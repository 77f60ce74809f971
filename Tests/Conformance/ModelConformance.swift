import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Testing

/// Plays the same random operations on the model and on PostgreSQL; whatever either says, the other must say.
@Suite("PostgreSQL does what the model does", .timeLimit(.minutes(3)))
struct ModelConformance {
  @Test("over random operations of several tenants", arguments: [11, 12, 13, 14] as [UInt64])
  func randomOperations(seed: UInt64) async throws {
    let model = InMemoryManagementStore()
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let real = PostgresManagementStore(pool: pool)
        var players = [try await Player(store: model, seed: seed), try await Player(store: real, seed: seed)]
        var choices = SeededGenerator(seed: seed)
        for step in 0..<150 {
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

/// One thing that a caller does; numbers choose among what there is at the time.
private enum Operation {
  case create(tenant: Int, caller: Int, linkage: Int?, limit: Int64?)
  case update(tenant: Int, caller: Int, target: Int, name: Int?, limit: LimitChange)
  case delete(tenant: Int, caller: Int, target: Int)
  case get(tenant: Int, caller: Int)
  case list(tenant: Int, caller: Int)
  case createRoot(tenant: Int)

  static func random(using random: inout SeededGenerator) -> Operation {
    let tenant = Int.random(in: 0..<2, using: &random)
    let caller = Int.random(in: 0..<8, using: &random)
    let target = Int.random(in: 0..<12, using: &random)
    switch Int.random(in: 0..<10, using: &random) {
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
    default: return .createRoot(tenant: tenant)
    }
  }
}

/// Plays operations on one store.
///
/// The same seed gives the same keys and ids on each.
private struct Player {
  let keys: KeyService
  let organisations: OrganisationService
  let tenants: [ProviderID]
  /// Every key that was ever issued, dead ones included, over all tenants.
  var issued: [IssuedKey] = []

  init(store: any ManagementStore, seed: UInt64) async throws {
    let random = RandomSource.seeded(seed)
    keys = KeyService(store: store, peppers: try .test, random: random)
    organisations = OrganisationService(store: store, peppers: try .test, random: random)
    tenants = [try ProviderID(validating: "one"), try ProviderID(validating: "two")]
    for tenant in tenants {
      issued.append(try await organisations.create(provider: tenant, name: .test("Tenant")).rootKey)
    }
  }

  /// What the operation came to, without the times, which differ.
  mutating func play(_ operation: Operation) async throws -> String {
    do {
      return try await result(of: operation)
    } catch let refusal as Refusal {
      return "\(refusal)"
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
      let key = try await keys.create(.success(draft), by: credentials(tenant, caller), requestID: .test)
      issued.append(key)
      return Self.line(key.key)
    case .update(let tenant, let caller, let target, let name, let limit):
      let update = KeyUpdate(
        id: id(target), friendlyName: try name.map { try .test("name \($0)") }, requests: limit)
      return Self.line(
        try await keys.update(.success(update), by: credentials(tenant, caller), requestID: .test))
    case .delete(let tenant, let caller, let target):
      try await keys.delete(.success(id(target)), by: credentials(tenant, caller), requestID: .test)
      return "deleted"
    case .get(let tenant, let caller):
      return Self.line(try await keys.ownKey(credentials(tenant, caller), requestID: .test))
    case .list(let tenant, let caller):
      return try await keys.allKeys(credentials(tenant, caller), requestID: .test).map(Self.line).sorted()
        .joined()
    case .createRoot(let tenant):
      let key = try await organisations.createRootKey(tenants[tenant], name: .test("Another root"))
      issued.append(key)
      return Self.line(key.key)
    }
  }

  private func credentials(_ tenant: Int, _ caller: Int) -> Credentials {
    Credentials(secret: issued[caller % issued.count].secret, provider: tenants[tenant])
  }

  private func id(_ target: Int) -> KeyID { issued[target % issued.count].key.id }

  private static func line(_ key: APIKey) -> String {
    "\(key.id) \(key.organisationID) \(key.friendlyName) \(key.limits) \(key.linkageID) \(key.root) \(key.hint)"
  }
}
