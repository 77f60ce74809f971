import Synchronization

extension ConnectionPool {
  /// Closes connections that have been idle too long and health-checks the others.
  ///
  /// Runs until the task is cancelled or the pool is closed. The pool works without it, but then idle
  /// connections stay open, and a dead one is only detected when it is leased.
  public func run() async {
    let interval = min(options.idleCheckInterval, options.maximumIdleTime)
    while !state.withLock({ $0.machine.isShutDown }) {
      guard (try? await Task.sleep(for: interval)) != nil else { return }
      await maintain()
    }
  }

  /// One round of maintenance.
  func maintain() async {
    while let lease = apply({ machine, now in machine.maintain(now: now) }).first {
      let isAlive = await lease.connection.isAliveWhenAsked(within: .seconds(2))
      apply { machine, now in machine.checked(lease.id, isAlive: isAlive, now: now) }
      guard !Task.isCancelled else { return }
    }
  }
}
