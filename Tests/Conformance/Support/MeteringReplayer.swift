import KeymeterDomain
import KeymeterTesting

/// Runs steps on one store and describes each outcome, without timestamps, which differ between stores.
///
/// Equal seeds give equal keys and ids on every store.
struct MeteringReplayer {
  private let under: StoreUnderTest
  private let tenants: [(organisation: Organisation, credentials: Credentials)]
  private let keyService: KeyService
  private var random: RandomSource
  /// All keys ever issued in all organisations, including dead ones.
  private var keys: [MeteredKey] = []
  /// All reservations ever made, with the amounts they were last settled with.
  private var reservations: [(id: ReservationID, key: Int, settled: Amounts?)] = []
  private var steps = 0

  init(_ under: StoreUnderTest, seed: UInt64) async throws {
    self.under = under
    random = .seeded(seed)
    keyService = KeyService(store: under.store, peppers: try .test, random: random)
    let organisations = OrganisationService(store: under.operatorStore, peppers: try .test, random: random)
    var tenants: [(organisation: Organisation, credentials: Credentials)] = []
    for name in ["one", "two"] {
      let (organisation, root) = try await organisations.create(
        provider: ProviderID(validating: name), name: .test(name))
      let credentials = Credentials(secret: root.secret, provider: organisation.providerID)
      tenants.append((organisation, credentials))
    }
    self.tenants = tenants
    for tenant in tenants.indices {
      _ = try await create(KeyDraft(friendlyName: .test("First"), limits: .init(tokens: 40)), tenant)
    }
  }

  mutating func play(_ step: MeteringStep) async throws -> String {
    steps += 1
    switch step {
    case .create(let tenant, let limits, let scopes, let environment):
      return try await create(
        KeyDraft(
          friendlyName: .test("Key"), limits: limits, environment: environment,
          scopes: scopes.map(Scope.init(stored:))), tenant)
    case .setLimits(let key, let limits): return try await setLimits(limits, of: keys[at: key])
    case .verify(let request):
      let node = under.nodes[steps % under.nodes.count]
      return describe(try await node.admit(self.request(request)))
    case .batch(let requests):
      return try await under.admitInOrder(requests.map(self.request)).map(describe).joined(separator: "\n")
    case .usage(let key):
      return try await keys[at: key].usage().map { "\(describe($0.standing)) reserved \($0.reserved)" }
        ?? "none"
    case .days(let tenant, let key): return try await days(tenant, key)
    case .record(let key, let amounts, let event):
      return describe(try await keys[at: key].record(amounts, event: event.map { "event \($0)" }))
    default:
      return try await playOnReservations(step)
    }
  }

  private mutating func playOnReservations(_ step: MeteringStep) async throws -> String {
    switch step {
    case .reserve(let key, let amounts, let onExpiry): return try await reserve(key, amounts, onExpiry)
    case .sweep: return "\(try await under.hooks.sweepExpiredReservations())"
    case .monthPasses: try await under.hooks.monthPasses()
    case .dayPasses: try await under.hooks.dayPasses()
    case .expire(let key): try await under.hooks.expire(keys[at: key].id)
    case .revoke(let key): try await keys[at: key].revoke()
    case .rotate(let key, let overlap): return try await rotate(keys[at: key], overlap)
    case .endOverlap(let key): try await under.hooks.endOverlap(of: keys[at: key].id)
    case .delete(let key): try await keys[at: key].delete()
    case .settle(let number, let amounts) where !reservations.isEmpty:
      reservations[number % reservations.count].settled = amounts
      return try await settle(number, amounts)
    case .settleAgain(let number) where !reservations.isEmpty:
      return try await settle(number, reservations[at: number].settled ?? .zero)
    case .settleAsOther(let number, let key, let amounts) where !reservations.isEmpty:
      return describe(try await keys[at: key].settle(reservations[at: number].id, amounts))
    case .runOut(let number) where !reservations.isEmpty:
      try await under.hooks.runOut(reservations[at: number].id)
    default: break
    }
    return "done"
  }

  private mutating func create(_ draft: KeyDraft, _ tenant: Int) async throws -> String {
    let owner = tenants[tenant]
    let issued = try await keyService.create(draft, by: owner.credentials)
    keys.append(
      MeteredKey(under: under, organisation: owner.organisation, key: issued.key, secret: issued.secret))
    return "\(issued.key.id)"
  }

  /// The key's earlier secrets stay in play, and both stores must accept or reject each of them alike.
  private mutating func rotate(_ key: MeteredKey, _ overlapSeconds: Int64) async throws -> String {
    guard let rotated = try await key.rotated(overlapSeconds: overlapSeconds, random: &random) else {
      return "not active"
    }
    keys.append(rotated)
    return "\(rotated.key.hint) \(rotated.key.status)"
  }

  private func setLimits(_ limits: MonthlyLimits, of key: MeteredKey) async throws -> String {
    try await under.entered(key.organisation.id) { transaction in
      guard let found = try await transaction.keyForUpdate(key.id) else { return "gone" }
      let changed = try await transaction.update(
        found.id, friendlyName: found.friendlyName, limits: limits,
        allowedAddresses: found.allowedAddresses)
      return "\(changed.limits) \(changed.lastUsedAt == nil)"
    }
  }

  private func request(_ request: RandomRequest) throws -> AdmissionRequest {
    let providers = tenants.map(\.organisation.providerID) + [try ProviderID(validating: "unknown")]
    return try keys[at: request.key].request(
      request.charge, scopes: request.scopes, environment: request.environment,
      provider: request.provider.map { providers[$0] })
  }

  private mutating func reserve(
    _ key: Int, _ amounts: Amounts, _ onExpiry: ReservationExpiry
  ) async throws -> String {
    let id = ReservationID(random: &random)
    let request = try keys[at: key].request(amounts)
    let reserving = try await under.store.withTransaction { transaction in
      try await transaction.reserve(id, request, ReservationTerms(onExpiry: onExpiry))
    }
    switch reserving {
    case .rejected(let rejection, let standing): return "\(rejection) \(standing.map(describe) ?? "")"
    case .reserved(let reserved, let expiresAt, let standing):
      reservations.append((id, key, nil))
      let hold = expiresAt.microseconds - standing.judgedAt.microseconds
      return "\(reserved == id) \(hold) \(describe(standing))"
    }
  }

  private func settle(_ number: Int, _ amounts: Amounts) async throws -> String {
    let reservation = reservations[at: number]
    return describe(try await keys[at: reservation.key].settle(reservation.id, amounts))
  }

  private func days(_ tenant: Int, _ key: Int?) async throws -> String {
    let query = AnalyticsQuery(
      firstDay: CivilDate(daysSinceEpoch: 0), lastDay: CivilDate(daysSinceEpoch: 40_000),
      keys: key.map { [keys[at: $0].id] })
    let organisation = tenants[tenant].organisation.id
    return try await under.store.withAnalyticsTransaction(of: organisation) { transaction in
      try await transaction.setTenant(organisation)
      return "\(try await transaction.dailyUsage(query))"
    }
  }

  private func describe(_ admission: Admission) -> String {
    switch admission {
    case .admitted(let standing): "admitted \(describe(standing))"
    case .rejected(let rejection, let standing): "\(rejection) \(standing.map(describe) ?? "")"
    }
  }

  private func describe(_ recording: RecordResult) -> String {
    switch recording {
    case .recorded(let over, let repeated, let standing):
      "over \(over) repeated \(repeated) \(describe(standing))"
    case .differs: "differs"
    case .rejected(let rejection, let standing): "\(rejection) \(standing.map(describe) ?? "")"
    }
  }

  private func describe(_ settlement: Settlement) -> String { "\(settlement)" }

  private func describe(_ standing: KeyUsageSnapshot) -> String {
    "\(standing.keyID) \(standing.organisationID) \(standing.environment) \(standing.scopes) \(standing.limits) "
      + "\(standing.used) \(standing.period)"
  }
}

extension Array {
  /// The element at this position, modulo the count.
  fileprivate subscript(at number: Int) -> Element { self[number % count] }
}
