/// The runtime API (contract §5): verification, reservations, usage and analytics.
///
/// A call takes its body or query as a closure, so only an authenticated caller learns what is wrong with its request.
public struct UsageService: Sendable {
  private let admission: any AdmissionControl
  let store: any TenantStore
  let peppers: PepperSet
  private let random: RandomSource

  /// Creates a service over an admission control and a store of the same database.
  public init(
    admission: any AdmissionControl, store: any TenantStore, peppers: PepperSet,
    random: RandomSource = .system
  ) {
    self.admission = admission
    self.store = store
    self.peppers = peppers
    self.random = random
  }

  /// Authenticates a key, checks its scopes and environment, and charges it: all in one step, or nothing.
  ///
  /// A failure is `StoreError.unavailable`.
  ///
  /// - Parameter complete: Called once, on any thread. Must not block.
  public func verify(
    _ credentials: Credentials, charge: Amounts, scopes: [Scope], environment: KeyEnvironment?,
    then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    admission.admit(
      request(credentials, charge: charge, scopes: scopes, environment: environment), then: complete)
  }

  /// Charges amounts before the true ones are known, once per idempotency key.
  ///
  /// - Parameters:
  ///   - request: what to hold and how long, and the idempotency key if the client sent one.
  ///   - answer: makes the response that a repeated request gets again.
  /// - Throws: `AdmissionRejectedError`, `StoreError`, `IdempotencyRejection`, and what `request` throws.
  public func reserve<Response: ReplayableResponse>(
    _ request: @Sendable () throws -> ((amounts: Amounts, terms: ReservationTerms), IdempotentRequest?),
    by call: APICall, answer: @Sendable (Reservation) throws -> Response
  ) async throws -> Response {
    var random = random
    let id = ReservationID(random: &random)
    return try await store.withTransaction { transaction in
      let (asked, repeatable) = try await authenticatingIfInvalid(call, in: transaction, request)
      return try await once(repeatable, for: call, in: transaction, answer: answer) {
        let result = try await transaction.reserve(
          id, self.request(call.credentials, charge: asked.amounts), asked.terms)
        switch result {
        case .reserved(let id, let expiresAt, let key):
          call.identified(key)
          return Reservation(id: id, expiresAt: expiresAt, key: key)
        case .rejected(let rejection, let key):
          call.identified(key)
          throw AdmissionRejectedError(rejection: rejection, key: key, charge: asked.amounts)
        }
      }
    }
  }

  /// Replaces reserved amounts with the true ones.
  ///
  /// - Throws: `AdmissionRejectedError`, `UsageRejection`, `StoreError`, and what `request` throws.
  public func settle(
    _ request: @Sendable () throws -> (id: ReservationID, amounts: Amounts), by call: APICall
  ) async throws -> SettledReservation {
    try await store.withTransaction { transaction in
      let key = try await transaction.authenticate(call, peppers: peppers).usage
      let (id, amounts) = try request()
      guard id.isWellFormed else { throw UsageRejection.reservationNotFound }
      let settlement = try await transaction.settle(id, of: key.keyID, amounts: amounts)
      switch settlement {
      case .settled(let overLimit, let period, let used):
        return SettledReservation(
          id: id, amounts: amounts, overLimit: overLimit,
          key: period == key.period ? key.with(used: used) : key)
      case .unknown: throw UsageRejection.reservationNotFound
      case .settledOtherwise: throw UsageRejection.settledOtherwise
      case .expired: throw UsageRejection.reservationExpired
      case .overflow: throw UsageRejection.counterFull
      }
    }
  }

  /// Counts what was already used, once per idempotency key.
  ///
  /// It has happened, so no limit rejects it.
  ///
  /// - Parameters:
  ///   - request: the usage and its event id, and the idempotency key if the client sent one.
  ///   - answer: makes the response that a repeated request gets again.
  /// - Throws: `AdmissionRejectedError`, `UsageRejection`, `StoreError`, `IdempotencyRejection`, and what `request` throws.
  public func record<Response: ReplayableResponse>(
    _ request: @Sendable () throws -> ((amounts: Amounts, event: EventID?), IdempotentRequest?),
    by call: APICall, answer: @Sendable (RecordedUsage) throws -> Response
  ) async throws -> Response {
    try await store.withTransaction { transaction in
      let (asked, repeatable) = try await authenticatingIfInvalid(call, in: transaction, request)
      return try await once(repeatable, for: call, in: transaction, answer: answer) {
        let result = try await transaction.record(
          self.request(call.credentials, charge: asked.amounts), event: asked.event)
        switch result {
        case .recorded(let overLimit, let repeated, let key):
          call.identified(key)
          return RecordedUsage(overLimit: overLimit, repeated: repeated, key: key)
        case .differs: throw UsageRejection.eventDiffers
        case .rejected(let rejection, let key):
          call.identified(key)
          if case .overLimit = rejection { throw UsageRejection.counterFull }
          throw AdmissionRejectedError(rejection: rejection, key: key, charge: asked.amounts)
        }
      }
    }
  }

  /// The current month of the caller's own key, or for a root key of any key of its organisation.
  ///
  /// - Throws: `AdmissionRejectedError`, `Rejection.rootKeyRequired`, `Rejection.keyNotFound`, `StoreError`, and what `id`
  ///   throws.
  public func usage(of id: @Sendable () throws -> KeyID?, by call: APICall) async throws -> KeyUsage {
    try await store.withTransaction { transaction in
      let caller = try await transaction.authenticate(call, peppers: peppers)
      let id = try id() ?? caller.key.id
      if id != caller.key.id { try caller.requireRoot() }
      guard id.isWellFormed, let usage = try await transaction.usage(of: id) else {
        throw Rejection.keyNotFound
      }
      return usage
    }
  }

  /// The daily usage of keys of the caller's organisation, for a root key.
  ///
  /// - Throws: `AdmissionRejectedError`, `Rejection.rootKeyRequired`, `Rejection.keyOfAnotherOrganisation`,
  ///   `Rejection.keyNotFound`, `StoreError`, and what `query` throws.
  public func analytics(
    _ query: @Sendable () throws -> AnalyticsQuery, by call: APICall
  ) async throws -> (query: AnalyticsQuery, days: [DailyUsage]) {
    // Authenticate before queueing, and again afterwards: the key may be revoked while the query waits.
    let (organisation, query) = try await store.withTransaction { transaction in
      let caller = try await root(call, in: transaction)
      return (caller.key.organisationID, try query())
    }
    let days = try await store.withAnalyticsTransaction(of: organisation) { transaction in
      _ = try await root(call, in: transaction)
      try await requireOwn(query.keys ?? [], of: organisation, in: transaction)
      return try await transaction.dailyUsage(query)
    }
    return (query, days)
  }

  /// One page of the audit log of the caller's organisation, newest first, for a root key (contract §6).
  ///
  /// - Throws: `AdmissionRejectedError`, `Rejection.rootKeyRequired`, `StoreError`, and what `query` throws.
  public func auditPage(
    _ query: @Sendable () throws -> AuditQuery, by call: APICall
  ) async throws -> AuditPage {
    try await store.withTransaction { transaction in
      _ = try await root(call, in: transaction)
      return try await transaction.auditPage(query())
    }
  }

  /// Rejects the query if a key isn't the organisation's.
  ///
  /// The first such key determines the error.
  private func requireOwn(
    _ keys: [KeyID], of organisation: OrganisationID, in transaction: any TenantTransaction
  ) async throws {
    var seen: Set<KeyID> = []
    let distinct = keys.filter { seen.insert($0).inserted }
    let wellFormed = Array(distinct.prefix { $0.isWellFormed })
    for owner in try await transaction.owners(of: wellFormed) {
      guard let owner else { throw Rejection.keyNotFound }
      guard owner == organisation else { throw Rejection.keyOfAnotherOrganisation }
    }
    guard wellFormed.count == distinct.count else { throw Rejection.keyNotFound }
  }

  private func root(_ call: APICall, in transaction: any TenantTransaction) async throws -> Caller {
    let caller = try await transaction.authenticate(call, peppers: peppers)
    try caller.requireRoot()
    return caller
  }

  /// Runs `work` once per idempotency key.
  ///
  /// Only a request with an idempotency key authenticates first: the ledger belongs to the calling key. The key may end
  /// between that and the work, which judges it again.
  private func once<Outcome, Response: ReplayableResponse>(
    _ repeatable: IdempotentRequest?, for call: APICall, in transaction: any TenantTransaction,
    answer: (Outcome) throws -> Response, work: () async throws -> Outcome
  ) async throws -> Response {
    guard let repeatable else { return try answer(await work()) }
    let key = try await transaction.authenticate(call, peppers: peppers).key
    return try await transaction.once(
      repeatable, by: key.id, of: key.organisationID, answer: answer, work: work)
  }

  private func request(
    _ credentials: Credentials, charge: Amounts, scopes: [Scope] = [], environment: KeyEnvironment? = nil
  ) -> AdmissionRequest {
    AdmissionRequest(
      hashes: peppers.hashes(of: credentials.secret), provider: credentials.provider, charge: charge,
      requiredScopes: scopes, requiredEnvironment: environment, address: credentials.address)
  }

  /// The decoded request.
  ///
  /// An invalid one costs an authentication, because only an authentic caller may learn its errors.
  private func authenticatingIfInvalid<Value>(
    _ call: APICall, in transaction: any TenantTransaction, _ request: () throws -> Value
  ) async throws -> Value {
    do {
      return try request()
    } catch {
      _ = try await transaction.authenticate(call, peppers: peppers)
      throw error
    }
  }
}
