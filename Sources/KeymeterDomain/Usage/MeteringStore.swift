/// Where usage is kept: what the runtime API does beside its hot path.
///
/// A store runs each unit of work in one transaction: all of it is done and durable when the call returns, none of it
/// when it throws.
public protocol MeteringStore: Sendable {
  /// Runs `body` in one transaction; it may run more than once.
  ///
  /// - Throws: what `body` throws, and `StoreError`.
  func withMetering<Output: Sendable>(
    _ body: @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output
  /// Runs `body` in one transaction as `withMetering` does, for a question that may take long.
  ///
  /// A store has few of them under way at once, so that they are in nobody's way, fewer still of one organisation, and ends
  /// one that takes too long.
  ///
  /// - Throws: what `body` throws, and `StoreError`: `unavailable` also where it took too long, its wait included, and
  ///   where too many of the organisation's wait.
  func withLongQuestion<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output
}

/// The work that can be done inside one transaction of metering.
public protocol MeteringTransaction: IdempotencyLedger, AuditReading {
  /// Judges the presented key, and charges nothing.
  func identify(_ request: AdmissionRequest) async throws -> Admission
  /// Judges and charges as `AdmissionControl.admit` does, and holds the amounts until they are settled.
  func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms
  ) async throws -> ReserveResult
  /// Counts what has been used already; a limit does not refuse it.
  func record(_ request: AdmissionRequest, event: EventID?) async throws -> RecordResult
  /// Lets the true amounts take the place of the reserved ones, in the month that was charged.
  func settle(
    _ id: ReservationID, of key: KeyID, in organisation: OrganisationID, amounts: Amounts
  ) async throws -> Settlement
  /// Whether a key of the organisation is a root key; `nil` where there is no such key.
  func isRoot(_ key: KeyID, in organisation: OrganisationID) async throws -> Bool?
  /// A key's current month; `nil` where the organisation has no such key.
  func usage(of key: KeyID, in organisation: OrganisationID) async throws -> KeyUsage?
  /// The organisation that each of the keys belongs to, or did when it was used, in the keys' order; `nil` for an id that
  /// never was one.
  ///
  /// A deleted key is known to its own organisation, by its usage.
  func owners(of keys: [KeyID], askedBy organisation: OrganisationID) async throws -> [OrganisationID?]
  /// What was used a day, on days with usage, in their order.
  func dailyUsage(_ query: AnalyticsQuery, in organisation: OrganisationID) async throws -> [DailyUsage]
}
