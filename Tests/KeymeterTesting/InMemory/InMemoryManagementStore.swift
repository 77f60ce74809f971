public import KeymeterDomain
import Synchronization

/// The model of a store: what PostgreSQL is held against, and what handlers are tested on.
///
/// It manages keys and meters them over one state, so a key that is made here can be charged here.
///
/// Transactions run one at a time and see nothing of one another, so whatever the model does is right by
/// construction.
public final class InMemoryManagementStore: ManagementStore, AdmissionControl, MeteringStore {
  private let state = Mutex(InMemoryState())
  private let turn = Turnstile()
  private let clock: @Sendable () -> Timestamp
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

  /// Makes every following transaction and admission but the next few throw `error`; `nil` ends that.
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

  /// Runs `body` alone, and keeps what it did unless it throws.
  public func withTransaction<Output: Sendable>(
    _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output {
    try await turn.alone {
      try throwFailure()
      let transaction = InMemoryTransaction(state: state.withLock { $0 }, now: clock())
      let output = try await body(transaction)
      state.withLock { $0 = transaction.state }
      return output
    }
  }

  /// Judges one request alone, and charges it if it is admitted.
  public func admit(_ request: AdmissionRequest) async throws -> Admission {
    try await changing { state, now in try state.admit(request, at: now) }
  }

  /// Runs `body` alone, and keeps what it did unless it throws.
  public func withMetering<Output: Sendable>(
    _ body: @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output {
    try await turn.alone {
      try throwFailure()
      let transaction = InMemoryMeteringTransaction(state: state.withLock { $0 }, clock: clock)
      let output = try await body(transaction)
      state.withLock { $0 = transaction.state }
      return output
    }
  }

  /// Runs `body` alone: here no question takes long.
  public func withLongQuestion<Output: Sendable>(
    of organisation: OrganisationID,
    _ body: @escaping @Sendable (any MeteringTransaction) async throws -> Output
  ) async throws -> Output {
    try await withMetering(body)
  }

  /// Runs `body` alone on the state at the present moment, and keeps what it did unless it throws.
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

/// Lets one caller in at a time, in the order of their coming.
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
