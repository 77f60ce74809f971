/// Ends keys that somebody found in public.
///
/// It asks for no credentials: whoever calls it has made sure that the report is what it says, by `reporter`.
public struct LeakService: Sendable {
  /// Whose reports are acted upon.
  public let reporter: ReporterKeys
  private let store: any ManagementStore
  private let peppers: PepperSet
  private let clock: any Clock<Duration>

  /// After so long the rest is left for a repetition: the reporter waits for 30 seconds.
  private static let longest = Duration.seconds(20)
  /// After so many failures the database is given up, rather than waited for once for each key.
  private static let mostFailures = 3

  /// A service over `store`.
  ///
  /// - Parameter clock: measures how long a report is worked at; no key is judged by it.
  public init(
    store: any ManagementStore, peppers: PepperSet, reporter: ReporterKeys,
    clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.store = store
    self.peppers = peppers
    self.reporter = reporter
    self.clock = clock
  }

  /// Ends the keys one after the other, each in a transaction of its own: what fails keeps no other key alive.
  ///
  /// To be repeated where there is a failure; what is ended already stays as it is.
  ///
  /// - Returns: the outcome of each report, in their order.
  public func end(
    _ reports: [LeakReport], requestID: RequestID
  ) async -> [Result<LeakOutcome, any Error>] {
    await end(reports, requestID: requestID, on: clock)
  }

  private func end<C: Clock<Duration>>(
    _ reports: [LeakReport], requestID: RequestID, on clock: C
  ) async -> [Result<LeakOutcome, any Error>] {
    let deadline = clock.now.advanced(by: Self.longest)
    var results: [Result<LeakOutcome, any Error>] = []
    var failures = 0
    for report in reports {
      guard failures < Self.mostFailures, clock.now < deadline else {
        results.append(.failure(StoreError.unavailable(reason: "leaked keys were left for a repetition")))
        continue
      }
      do {
        results.append(.success(try await end(report, requestID: requestID)))
      } catch {
        failures += 1
        results.append(.failure(error))
      }
    }
    return results
  }

  private func end(_ report: LeakReport, requestID: RequestID) async throws -> LeakOutcome {
    let digests = peppers.digests(of: report.secret)
    return try await store.withTransaction { transaction in
      guard let organisation = try await transaction.organisation(holding: digests) else { return .unknown }
      try await transaction.enter(organisation)
      guard let id = try await transaction.keyID(holding: digests) else { return .endedBefore }
      try await transaction.holdChanges(of: id)
      // Whoever was waited for may have ended the value, and given the key another that nobody has seen.
      guard try await transaction.keyID(holding: digests) == id,
        let key = try await transaction.keyForUpdate(id), key.revokedAt == nil
      else { return .endedBefore }
      let isRoot = key.root && key.status == .active
      let hasOther = isRoot ? try await transaction.hasOtherActiveRoot(than: id) : true
      let revoked = try await transaction.revoke(id)
      let changes = APIKey.changes(from: key, to: revoked) + report.changes
      try await transaction.append(
        AuditEntry(
          organisationID: organisation, principal: .gitHub, action: .keyRevoked, target: id.rawValue,
          requestID: requestID, changes: changes))
      return .revoked(id, of: organisation, lastRoot: !hasOther)
    }
  }
}

extension LeakReport {
  /// What a log says of the leak besides the key's end.
  fileprivate var changes: [FieldChange] {
    [
      url.map { FieldChange("leak_url", from: nil, to: .text($0)) },
      source.map { FieldChange("leak_source", from: nil, to: .text($0)) },
    ].compactMap { $0 }
  }
}
