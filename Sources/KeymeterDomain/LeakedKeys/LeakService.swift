/// Revokes keys that were found in public.
///
/// It checks no credentials: the caller has verified the report's signature with `reporter`.
public struct LeakService: Sendable {
  /// The keys of the trusted reporter.
  public let reporter: ReporterKeys
  private let store: any TenantStore
  private let peppers: PepperSet
  private let clock: any Clock<Duration>

  /// The time limit, after which the rest is left for a retry.
  ///
  /// The reporter waits 30 seconds.
  private static let timeLimit = Duration.seconds(20)
  /// The number of failures after which the database counts as unavailable, so that not every key waits for
  /// it.
  private static let maximumFailures = 3

  /// Creates a service over `store`.
  ///
  /// - Parameter clock: Measures the time limit only. Keys are judged by the database's clock.
  public init(
    store: any TenantStore, peppers: PepperSet, reporter: ReporterKeys,
    clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.store = store
    self.peppers = peppers
    self.reporter = reporter
    self.clock = clock
  }

  /// Revokes the keys one by one, each in its own transaction, so that one failure doesn't keep other keys
  /// alive.
  ///
  /// The caller should retry if any fails. Keys already revoked stay as they are.
  ///
  /// - Returns: The outcome of each report, in order.
  public func end(
    _ reports: [LeakReport], requestID: RequestID
  ) async -> [Result<LeakOutcome, any Error>] {
    await end(reports, requestID: requestID, on: clock)
  }

  private func end<C: Clock<Duration>>(
    _ reports: [LeakReport], requestID: RequestID, on clock: C
  ) async -> [Result<LeakOutcome, any Error>] {
    let deadline = clock.now.advanced(by: Self.timeLimit)
    var results: [Result<LeakOutcome, any Error>] = []
    var failures = 0
    for report in reports {
      guard failures < Self.maximumFailures, clock.now < deadline else {
        results.append(.failure(StoreError.unavailable(reason: "leaked keys were left for a retry")))
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
    let hashes = peppers.hashes(of: report.secret)
    return try await store.withTransaction { transaction in
      let organisation = try await transaction.organisation(forHashes: hashes)
      if let organisation {
        try await transaction.setTenant(organisation)
        if let id = try await transaction.keyID(forHashes: hashes) {
          try await transaction.lockKey(id)
          // Check again under the lock: the previous holder may have rotated the key, and its new secret has
          // not leaked.
          if try await transaction.keyID(forHashes: hashes) == id,
            let key = try await transaction.keyForUpdate(id), key.revokedAt == nil
          {
            return try await revoke(key, for: report, requestID: requestID, in: transaction)
          }
        }
      }
      let outcome = try await note(report, hashes, requestID: requestID, in: transaction)
      return outcome ?? (organisation == nil ? .unknown : .endedBefore)
    }
  }

  private func revoke(
    _ key: APIKey, for report: LeakReport, requestID: RequestID, in transaction: any TenantTransaction
  ) async throws -> LeakOutcome {
    let isRoot = key.root && key.status == .active
    let hasOther = isRoot ? try await transaction.hasOtherActiveRoot(than: key.id) : true
    let revoked = try await transaction.revoke(key.id)
    let changes = APIKey.changes(from: key, to: revoked) + report.changes
    try await transaction.append(report.entry(.keyRevoked, key, changes, requestID))
    return .revoked(key.id, of: key.organisationID, lastRoot: !hasOther)
  }

  /// Records in the audit log that a rotated secret was found in public.
  ///
  /// The owner may have rotated the key because of the leak. But the finder may also have rotated it, and
  /// only the owner can tell.
  ///
  /// - Returns: Nil if no key ever had this secret.
  private func note(
    _ report: LeakReport, _ hashes: [SecretHash], requestID: RequestID,
    in transaction: any TenantTransaction
  ) async throws -> LeakOutcome? {
    guard let organisation = try await transaction.organisation(forFormerHashes: hashes) else { return nil }
    try await transaction.setTenant(organisation)
    guard let former = try await transaction.formerSecret(hashes) else { return nil }
    guard let key = try await transaction.keyForUpdate(former.keyID), key.status == .active,
      try await transaction.markReported(hashes)
    else { return .endedBefore }
    let superseded = FieldChange("superseded_at", from: nil, to: .time(former.supersededAt))
    try await transaction.append(
      report.entry(.keyLeakReported, key, [superseded] + report.changes, requestID))
    return .superseded(key.id, of: organisation)
  }
}

extension LeakReport {
  /// The audit fields about the leak itself.
  fileprivate var changes: [FieldChange] {
    [
      url.map { FieldChange("leak_url", from: nil, to: .text($0)) },
      source.map { FieldChange("leak_source", from: nil, to: .text($0)) },
    ].compactMap { $0 }
  }

  fileprivate func entry(
    _ action: AuditAction, _ key: APIKey, _ changes: [FieldChange], _ requestID: RequestID
  ) -> AuditEntry {
    AuditEntry(
      organisationID: key.organisationID, principal: .gitHub, action: action, target: key.id.rawValue,
      requestID: requestID, changes: changes)
  }
}
