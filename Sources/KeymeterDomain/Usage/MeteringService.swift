/// What a caller of the runtime API presents: a key, and in the Scrubs dialect the provider it says it belongs to.
public struct RuntimeCredentials: Sendable {
  /// The presented key, already checked for form and checksum.
  public let secret: KeySecret
  /// The provider id, where the dialect has one; otherwise the organisation follows from the key.
  public let provider: ProviderID?
  /// Where they come from; `nil` where that is not known.
  public let address: IPAddress?

  /// Credentials as presented.
  public init(secret: KeySecret, provider: ProviderID?, address: IPAddress? = nil) {
    self.secret = secret
    self.provider = provider
    self.address = address
  }
}

/// What the runtime API does (contract §5).
///
/// Where a call takes a body or a query, it takes it as a `Result`: what is wrong with it is said only to a caller
/// that is authentic.
public struct MeteringService: Sendable {
  private let admission: any AdmissionControl
  private let store: any MeteringStore
  private let peppers: PepperSet
  private let random: RandomSource

  /// A service over an admission control and a store of the same database.
  public init(
    admission: any AdmissionControl, store: any MeteringStore, peppers: PepperSet,
    random: RandomSource = .system
  ) {
    self.admission = peppers.renewal.map { RenewingAdmission(admission, renewal: $0) } ?? admission
    self.store = store
    self.peppers = peppers
    self.random = random
  }

  /// Authenticates a key, judges it by scope and environment, and charges it: all in one step, or nothing.
  ///
  /// A failure is `StoreError.unavailable`.
  ///
  /// - Parameter complete: is called once, on any thread, and must not block.
  public func verify(
    _ credentials: RuntimeCredentials, charge: Amounts, scopes: [Scope], environment: KeyEnvironment?,
    then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    admission.admit(
      request(credentials, charge: charge, scopes: scopes, environment: environment), then: complete)
  }

  /// Takes a charge before the true amounts are known: once, however often a request of the caller's naming is sent.
  ///
  /// - Parameter answer: makes the answer that a repetition is given again; throws where nothing is held.
  /// - Throws: `AdmissionRejectedError` to callers that are not authentic, `StoreError`, `IdempotencyRejection`, the failure in
  ///   `asked`, and what `answer` throws.
  public func reserve(
    _ asked: Result<(amounts: Amounts, terms: ReservationTerms), any Error>,
    by credentials: RuntimeCredentials, repeatable: IdempotentRequest?,
    answer: @Sendable (ReserveResult) throws -> StoredResponse
  ) async throws -> StoredResponse {
    var random = random
    let id = ReservationID(random: &random)
    let asked = asked.map { ($0.amounts, $0.terms) }
    return try await store.withMetering { transaction in
      let (amounts, terms) = try await value(of: asked, for: credentials, in: transaction)
      return try await once(repeatable, for: credentials, in: transaction, answer: answer) {
        let request = request(credentials, charge: amounts)
        let reserving = try await transaction.reserve(id, request, terms)
        if case .reserved = reserving { peppers.renewal?.authenticated(request.hashes) }
        CallerNote.current?.note(reserving.standing)
        return reserving
      }
    }
  }

  /// Lets the true amounts take the place of reserved ones.
  ///
  /// - Throws: `AdmissionRejectedError` to callers that are not authentic, `StoreError`, and the failure in `asked`.
  public func settle(
    _ asked: Result<(id: ReservationID, amounts: Amounts), any Error>, by credentials: RuntimeCredentials
  ) async throws -> (settlement: Settlement, key: KeyUsageSnapshot) {
    let asked = asked.map { ($0.id, $0.amounts) }
    return try await store.withMetering { transaction in
      let key = try await caller(credentials, in: transaction)
      let (id, amounts) = try asked.get()
      guard id.isWellFormed else { return (.unknown, key) }
      let settlement = try await transaction.settle(
        id, of: key.keyID, in: key.organisationID, amounts: amounts)
      return (settlement, key)
    }
  }

  /// Counts what has been used already.
  ///
  /// It happened, so no limit refuses it. It counts once, however often a request of the caller's naming is sent.
  ///
  /// - Parameter answer: makes the answer that a repetition is given again; throws where nothing was counted.
  /// - Throws: `AdmissionRejectedError` to callers that are not authentic, `StoreError`, `IdempotencyRejection`, the failure in
  ///   `asked`, and what `answer` throws.
  public func record(
    _ asked: Result<(amounts: Amounts, event: EventID?), any Error>, by credentials: RuntimeCredentials,
    repeatable: IdempotentRequest?, answer: @Sendable (RecordResult) throws -> StoredResponse
  ) async throws -> StoredResponse {
    let asked = asked.map { ($0.amounts, $0.event) }
    return try await store.withMetering { transaction in
      let (amounts, event) = try await value(of: asked, for: credentials, in: transaction)
      return try await once(repeatable, for: credentials, in: transaction, answer: answer) {
        let request = request(credentials, charge: amounts)
        let recording = try await transaction.record(request, event: event)
        if case .recorded = recording { peppers.renewal?.authenticated(request.hashes) }
        CallerNote.current?.note(recording.standing)
        return recording
      }
    }
  }

  /// The current month of the caller's own key, or for a root key of any key of its organisation.
  ///
  /// - Throws: `AdmissionRejectedError`, `Rejection.rootKeyRequired`, `Rejection.keyNotFound`, `StoreError`, and the failure in
  ///   `id`.
  public func usage(
    of id: Result<KeyID?, any Error>, by credentials: RuntimeCredentials
  ) async throws -> KeyUsage {
    try await store.withMetering { transaction in
      let key = try await caller(credentials, in: transaction)
      let id = try id.get() ?? key.keyID
      if id != key.keyID { try await requireRoot(key, in: transaction) }
      guard id.isWellFormed, let usage = try await transaction.usage(of: id, in: key.organisationID) else {
        throw Rejection.keyNotFound
      }
      return usage
    }
  }

  /// What keys of the caller's organisation used a day, for a root key.
  ///
  /// - Throws: `AdmissionRejectedError`, `Rejection.rootKeyRequired`, `Rejection.keyOfAnotherOrganisation`,
  ///   `Rejection.keyNotFound`, `StoreError`, and the failure in `query`.
  public func analytics(
    _ query: Result<AnalyticsQuery, any Error>, by credentials: RuntimeCredentials
  ) async throws -> [DailyUsage] {
    // Whose question it is, before it waits for its turn among that organisation's; by then the key may have ended.
    let asker = try await store.withMetering { transaction in
      let key = try await root(credentials, in: transaction)
      _ = try query.get()
      return key.organisationID
    }
    return try await store.withLongQuestion(of: asker) { transaction in
      let key = try await root(credentials, in: transaction)
      let query = try query.get()
      try await requireOwn(query.keys ?? [], of: key.organisationID, in: transaction)
      return try await transaction.dailyUsage(query, in: key.organisationID)
    }
  }

  /// What is wrong with the first of the keys that isn't the organisation's decides.
  private func requireOwn(
    _ keys: [KeyID], of organisation: OrganisationID, in transaction: any MeteringTransaction
  ) async throws {
    var named: Set<KeyID> = []
    let each = keys.filter { named.insert($0).inserted }
    let wellFormed = Array(each.prefix { $0.isWellFormed })
    for owner in try await transaction.owners(of: wellFormed, askedBy: organisation) {
      guard let owner else { throw Rejection.keyNotFound }
      guard owner == organisation else { throw Rejection.keyOfAnotherOrganisation }
    }
    guard wellFormed.count == each.count else { throw Rejection.keyNotFound }
  }

  private func root(
    _ credentials: RuntimeCredentials, in transaction: any MeteringTransaction
  ) async throws -> KeyUsageSnapshot {
    let key = try await caller(credentials, in: transaction)
    try await requireRoot(key, in: transaction)
    return key
  }

  /// Carries out a request that its caller may have named.
  ///
  /// Only then is the caller asked for first: names belong to a key, and an answer is given again only to a key that is
  /// active now. Between that and the work the key may end; the work judges it again.
  private func once<Outcome>(
    _ repeatable: IdempotentRequest?, for credentials: RuntimeCredentials,
    in transaction: any MeteringTransaction, answer: (Outcome) throws -> StoredResponse,
    work: () async throws -> Outcome
  ) async throws -> StoredResponse {
    guard let repeatable else { return try answer(await work()) }
    let key = try await caller(credentials, in: transaction)
    return try await transaction.once(
      repeatable, by: key.keyID, of: key.organisationID, answer: answer, work: work)
  }

  private func request(
    _ credentials: RuntimeCredentials, charge: Amounts, scopes: [Scope] = [],
    environment: KeyEnvironment? = nil
  ) -> AdmissionRequest {
    AdmissionRequest(
      hashes: peppers.hashes(of: credentials.secret), provider: credentials.provider, charge: charge,
      requiredScopes: scopes, requiredEnvironment: environment, address: credentials.address)
  }

  private func caller(
    _ credentials: RuntimeCredentials, in transaction: any MeteringTransaction
  ) async throws -> KeyUsageSnapshot {
    try await transaction.caller(credentials, peppers: peppers)
  }

  /// The value that a caller asked by, or what is wrong with it, which only an authentic caller is told.
  private func value<Value: Sendable>(
    of asked: Result<Value, any Error>, for credentials: RuntimeCredentials,
    in transaction: any MeteringTransaction
  ) async throws -> Value {
    if case .failure = asked { _ = try await caller(credentials, in: transaction) }
    return try asked.get()
  }

  private func requireRoot(_ key: KeyUsageSnapshot, in transaction: any MeteringTransaction) async throws {
    try await transaction.requireRoot(key)
  }
}

extension MeteringTransaction {
  /// Finds out who calls.
  ///
  /// - Throws: `AdmissionRejectedError`.
  func caller(_ credentials: RuntimeCredentials, peppers: PepperSet) async throws -> KeyUsageSnapshot {
    let request = AdmissionRequest(
      hashes: peppers.hashes(of: credentials.secret), provider: credentials.provider, charge: .zero,
      address: credentials.address)
    switch try await identify(request) {
    case .admitted(let standing):
      peppers.renewal?.authenticated(request.hashes)
      CallerNote.current?.note(standing)
      return standing
    case .refused(let refusal, let standing):
      CallerNote.current?.note(standing)
      throw AdmissionRejectedError(refusal: refusal)
    }
  }

  /// - Throws: `Rejection.rootKeyRequired`.
  func requireRoot(_ key: KeyUsageSnapshot) async throws {
    guard try await isRoot(key.keyID, in: key.organisationID) == true else { throw Rejection.rootKeyRequired }
  }
}

/// The caller's key did not pass where nothing was to be charged.
public struct AdmissionRejectedError: Error, Sendable, Equatable {
  /// Why.
  public let refusal: AdmissionRejection

  /// The error of a caller that was refused.
  public init(refusal: AdmissionRejection) { self.refusal = refusal }
}
