import Logging
import Synchronization

extension ConnectionPool {
  /// A connection leased to a caller.
  struct Lease: Sendable {
    let id: PoolStateMachine.ConnectionID
    let connection: Connection
  }

  /// Waits for a connection that looks alive, judged without asking the server.
  func lease() async throws(PostgresError) -> Lease {
    let waiter = PoolStateMachine.WaiterID(number: lastWaiter.add(1, ordering: .relaxed).newValue)
    var lease = try await wait(as: waiter) { machine, now in machine.request(waiter, now: now) }
    while !(await isAlive(lease.connection)) {
      logger.debug("an idle PostgreSQL connection was dead")
      let dead = lease.id
      lease = try await wait(as: waiter) { machine, _ in machine.leaseRejected(dead) }
    }
    return lease
  }

  private func isAlive(_ connection: Connection) async -> Bool {
    if connection.isQuiet { return true }
    return await connection.isAliveWhenIdle()
  }

  /// Waits until the machine serves or fails a waiter.
  private func wait(
    as waiter: PoolStateMachine.WaiterID,
    _ event: @Sendable (inout PoolStateMachine, ContinuousClock.Instant) -> [PoolStateMachine.Action]
  ) async throws(PostgresError) -> Lease {
    let result: Result<Lease, PostgresError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        apply(waiter: (waiter, continuation), event)
        // A cancellation before the waiter was registered found nothing to cancel.
        if Task.isCancelled { cancel(waiter) }
      }
    } onCancel: {
      cancel(waiter)
    }
    let lease = try result.get()
    guard !Task.isCancelled else {
      apply { machine, now in machine.release(lease.id, isReusable: true, now: now) }
      throw PostgresError(.cancelled, reason: "while waiting for a connection")
    }
    return lease
  }

  private func cancel(_ waiter: PoolStateMachine.WaiterID) {
    apply { machine, _ in machine.cancel(waiter) }
  }

  /// Returns a connection to the pool and rolls back any open transaction.
  func release(_ lease: Lease) async {
    let connection = lease.connection
    if connection.transactionStatus != .idle {
      await connection.rollBackOrDiscard()
    }
    let isReusable = connection.isUsable && connection.transactionStatus == .idle
    apply { machine, now in machine.release(lease.id, isReusable: isReusable, now: now) }
  }
}
