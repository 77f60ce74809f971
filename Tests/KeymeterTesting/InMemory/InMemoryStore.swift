public import KeymeterDomain
import Synchronization

/// The in-memory fake of the database: the conformance suite compares PostgreSQL with it, and the handler tests run on it.
///
/// Transactions run one at a time, so they are isolated by construction.
public final class InMemoryStore: TenantStore, AdmissionControl {
  private let state = Mutex(InMemoryState())
  private let turn = Turnstile()
  private let clock: @Sendable () -> Timestamp
  private let observer = Mutex<(@Sendable (StoreCall) throws -> Void)?>(nil)
  private let failure = Mutex<(error: any Error, after: Int)?>(nil)

  /// An empty store.
  ///
  /// - Parameter clock: the one clock that decides expiry and stamps records.
  public init(clock: @escaping @Sendable () -> Timestamp = { Timestamp(microseconds: 1_705_314_600_000_000) })
  {
    self.clock = clock
  }

  /// Every audit entry, oldest first.
  public var auditLog: [AuditEntry] { state.withLock { $0.auditLog } }

  /// Makes every transaction and admission throw `error`, after the next `count` ones.
  ///
  /// `nil` ends that.
  public func fail(with error: (any Error)?, after count: Int = 0) {
    failure.withLock { $0 = error.map { (error: $0, after: count) } }
  }

  private func throwFailure() throws {
    try failure.withLock { failure in
      guard let set = failure else { return }
      guard set.after == 0 else {
        failure?.after -= 1
        return
      }
      throw set.error
    }
  }

  /// Reports every following call of a transaction before it is made.
  ///
  /// If `observe` throws, the call fails; `nil` ends that.
  public func observe(_ observe: (@Sendable (StoreCall) throws -> Void)?) {
    observer.withLock { $0 = observe }
  }

  /// Runs `body` alone, and keeps its changes unless it throws.
  public func withTransaction<Output: Sendable>(
    _ body: @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    try await turn.alone {
      try throwFailure()
      let transaction = InMemoryTransaction(
        state: state.withLock { $0 }, now: clock(), observer: observer.withLock { $0 })
      let output = try await body(transaction)
      state.withLock { $0 = transaction.state }
      return output
    }
  }

  /// Runs `body` as `withTransaction` does: no query takes long here.
  public func withAnalyticsTransaction<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    try await withTransaction(body)
  }

  /// Judges one request, and charges it if it is admitted.
  public func admit(_ request: AdmissionRequest) async throws -> Admission {
    try await changing { state, now in try state.admit(request, at: now) }
  }

  /// Runs `body` alone on the current state, and keeps its changes unless it throws.
  func changing<Output: Sendable>(
    _ body: @Sendable (inout InMemoryState, Timestamp) throws -> Output
  ) async throws -> Output {
    try await turn.alone {
      try throwFailure()
      var changed = state.withLock { $0 }
      let output = try body(&changed, clock())
      state.withLock { [changed] in $0 = changed }
      return output
    }
  }
}

/// A FIFO mutex for async callers.
private actor Turnstile {
  private var busy = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  nonisolated func alone<Output: Sendable>(_ body: () async throws -> Output) async throws -> Output {
    await enter()
    do {
      let output = try await body()
      await leave()
      return output
    } catch {
      await leave()
      throw error
    }
  }

  private func enter() async {
    guard busy else {
      busy = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  private func leave() {
    if waiting.isEmpty { busy = false } else { waiting.removeFirst().resume() }
  }
}
