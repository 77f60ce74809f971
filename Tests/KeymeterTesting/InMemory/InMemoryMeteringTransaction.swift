import KeymeterDomain
import Synchronization

/// One transaction of the model's metering: works on a copy that the store keeps if all goes well.
final class InMemoryMeteringTransaction: MeteringTransaction {
  private let work: Mutex<InMemoryState>
  private let clock: @Sendable () -> Timestamp

  init(state: InMemoryState, clock: @escaping @Sendable () -> Timestamp) {
    work = Mutex(state)
    self.clock = clock
  }

  var state: InMemoryState { work.withLock { $0 } }

  func identify(_ request: AdmissionRequest) throws -> Admission {
    let request = AdmissionRequest(
      hashes: request.hashes, provider: request.provider, charge: .zero,
      requiredScopes: request.requiredScopes, requiredEnvironment: request.requiredEnvironment,
      address: request.address)
    return try work.withLock { try $0.admit(request, at: clock()) }
  }

  func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms
  ) throws -> ReserveResult {
    try work.withLock { try $0.reserve(id, request, terms, at: clock()) }
  }

  func record(_ request: AdmissionRequest, event: EventID?) throws -> RecordResult {
    try work.withLock { try $0.record(request, event: event, at: clock()) }
  }

  func settle(
    _ id: ReservationID, of key: KeyID, in organisation: OrganisationID, amounts: Amounts
  ) -> Settlement {
    work.withLock { $0.settle(id, of: key, in: organisation, amounts: amounts, at: clock()) }
  }

  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) -> [AuditRecord] {
    state.auditRecords(query, of: organisation)
  }

  func claim(_ entry: IdempotencyEntry) -> IdempotencyClaim { state.claim(entry, at: clock()) }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) throws {
    try work.withLock { try $0.keep(answer, as: entry, at: clock()) }
  }

  func isRoot(_ key: KeyID, in organisation: OrganisationID) -> Bool? { state.isRoot(key, in: organisation) }

  func usage(of key: KeyID, in organisation: OrganisationID) -> KeyUsage? {
    state.usage(of: key, in: organisation, at: clock())
  }

  func owners(of keys: [KeyID], askedBy organisation: OrganisationID) -> [OrganisationID?] {
    keys.map { state.owner(of: $0, askedBy: organisation) }
  }

  func dailyUsage(_ query: AnalyticsQuery, in organisation: OrganisationID) -> [DailyUsage] {
    state.dailyUsage(query, in: organisation)
  }
}
