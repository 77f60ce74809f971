import KeymeterDomain
import KeymeterTesting
import Testing

/// A key and everything its holder can do with it.
struct MeteredKey: Sendable {
  let under: StoreUnderTest
  let organisation: Organisation
  let key: APIKey
  let secret: KeySecret

  var id: KeyID { key.id }

  func request(
    _ charge: Amounts = .oneRequest, scopes: [String] = [], environment: KeyEnvironment? = nil,
    provider: ProviderID? = nil, from address: String? = nil
  ) throws -> AdmissionRequest {
    AdmissionRequest(
      hashes: try under.peppers.hashes(of: secret), provider: provider, charge: charge,
      requiredScopes: scopes.map(Scope.init(stored:)), requiredEnvironment: environment,
      address: try address.map { try .test($0) })
  }

  func verify(
    _ charge: Amounts = .oneRequest, scopes: [String] = [], environment: KeyEnvironment? = nil,
    provider: ProviderID? = nil, from address: String? = nil
  ) async throws -> Admission {
    try await under.admission.admit(
      try request(charge, scopes: scopes, environment: environment, provider: provider, from: address))
  }

  func reserve(
    _ amounts: Amounts, holdSeconds: Int64 = 900, onExpiry: ReservationExpiry = .release,
    from address: String? = nil
  ) async throws -> ReserveResult {
    var random = RandomSource.system
    let id = ReservationID(random: &random)
    return try await under.store.withTransaction { transaction in
      try await transaction.reserve(
        id, try request(amounts, from: address),
        ReservationTerms(holdSeconds: holdSeconds, onExpiry: onExpiry))
    }
  }

  /// Reserves amounts that must fit.
  func hold(
    _ amounts: Amounts, onExpiry: ReservationExpiry = .release,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> ReservationID {
    let reserving = try await reserve(amounts, onExpiry: onExpiry)
    return try #require(reserving.id, "\(reserving)", sourceLocation: sourceLocation)
  }

  func settle(_ id: ReservationID, _ amounts: Amounts) async throws -> Settlement {
    try await under.entered(organisation.id) { try await $0.settle(id, of: key.id, amounts: amounts) }
  }

  func record(
    _ amounts: Amounts, event: String? = nil, from address: String? = nil
  ) async throws -> RecordResult {
    let event = try event.map { try EventID(validating: $0) }
    return try await under.store.withTransaction { transaction in
      try await transaction.record(try request(amounts, from: address), event: event)
    }
  }

  func usage() async throws -> KeyUsage? {
    try await under.entered(organisation.id) { try await $0.usage(of: key.id) }
  }

  /// The usage of this month, or `nil` if the key is gone.
  func used() async throws -> Amounts? { try await usage()?.standing.used }

  func setUsed(_ amounts: Amounts) async throws {
    try await under.hooks.setUsed(amounts, by: key.id, in: organisation.id)
  }

  func setLimits(_ limits: MonthlyLimits) async throws {
    _ = try await under.entered(organisation.id) { transaction in
      try await transaction.update(
        key.id, friendlyName: key.friendlyName, limits: limits, allowedAddresses: key.allowedAddresses)
    }
  }

  /// Restricts the key to these addresses, or lifts the restriction.
  func allow(_ ranges: [String]?) async throws {
    _ = try await under.entered(organisation.id) { transaction in
      try await transaction.update(
        key.id, friendlyName: key.friendlyName, limits: key.limits,
        allowedAddresses: ranges.map { try .test($0) })
    }
  }

  /// Revokes the key unless it is gone or revoked already.
  func revoke() async throws {
    try await under.entered(organisation.id) { transaction in
      guard let found = try await transaction.keyForUpdate(key.id), found.revokedAt == nil else { return }
      _ = try await transaction.revoke(found.id)
    }
  }

  /// The same key with a new secret, or `nil` if it is not active.
  func rotated(overlapSeconds: Int64 = 0, random: inout RandomSource) async throws -> MeteredKey? {
    let secret = KeySecret(environment: key.environment, random: &random)
    let value = NewSecret(hash: try under.peppers.currentHash(of: secret), hint: secret.hint)
    let changed = try await under.entered(organisation.id) { transaction -> APIKey? in
      guard let found = try await transaction.keyForUpdate(key.id), found.status == .active else {
        return nil
      }
      return try await transaction.rotate(found.id, to: value, overlapSeconds: overlapSeconds)
    }
    return changed.map { MeteredKey(under: under, organisation: organisation, key: $0, secret: secret) }
  }

  func delete() async throws {
    try await under.entered(organisation.id) { try await $0.delete(key.id) }
  }
}

extension StoreUnderTest {
  /// A child key of the given organisation, or of a new one.
  func key(
    limits: MonthlyLimits = .unrestricted, scopes: [String] = ["*"],
    environment: KeyEnvironment = .production, allowed: [String]? = nil,
    of organisation: TestOrganisation? = nil
  ) async throws -> MeteredKey {
    var random = RandomSource.system
    var owner = organisation
    if owner == nil { owner = try await .create(OrganisationID(random: &random).rawValue, in: operatorStore) }
    let organisation = try #require(owner)
    let draft = KeyDraft(
      friendlyName: try .test("Metered"), limits: limits, environment: environment,
      scopes: scopes.map(Scope.init(stored:)), allowedAddresses: try allowed.map { try .test($0) })
    let issued = try await KeyService(store: store, peppers: try peppers)
      .create(draft, by: organisation.credentials)
    return MeteredKey(
      under: self, organisation: organisation.organisation, key: issued.key, secret: issued.secret)
  }
}

extension Admission {
  /// The usage snapshot of an admitted request.
  var admitted: KeyUsageSnapshot? {
    if case .admitted(let standing) = self { standing } else { nil }
  }

  var rejection: AdmissionRejection? {
    if case .rejected(let rejection, _) = self { rejection } else { nil }
  }

  /// The usage, if the key is known.
  var used: Amounts? {
    switch self {
    case .admitted(let standing): standing.used
    case .rejected(_, let standing): standing?.used
    }
  }
}

extension ReserveResult {
  var id: ReservationID? {
    if case .reserved(let id, _, _) = self { id } else { nil }
  }

  var rejection: AdmissionRejection? {
    if case .rejected(let rejection, _) = self { rejection } else { nil }
  }
}

extension Settlement {
  var used: Amounts? {
    if case .settled(_, _, let used) = self { used } else { nil }
  }

  var overLimit: Bool? {
    if case .settled(let over, _, _) = self { over } else { nil }
  }
}

extension RecordResult {
  /// Whether a limit was exceeded, whether the event is a repetition, and the usage afterwards.
  var counted: (overLimit: Bool, repeated: Bool, used: Amounts)? {
    if case .recorded(let over, let repeated, let standing) = self {
      (over, repeated, standing.used)
    } else {
      nil
    }
  }
}
