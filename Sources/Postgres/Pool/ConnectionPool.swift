public import Logging
import Synchronization

/// A bounded pool of connections, each leased to one caller at a time.
///
/// It opens connections on demand and replaces broken ones, so it recovers by itself when the database comes
/// back. ``PoolStateMachine`` decides what happens when. This class does the I/O.
///
/// A returned connection is only rolled back, not reset: session settings, temporary tables and advisory
/// locks leak to the next caller.
public final class ConnectionPool: Sendable {
  let options: Options
  let configuration: ConnectionConfiguration
  let logger: Logger
  let state: Mutex<State>
  let lastWaiter = Atomic<UInt64>(0)

  /// Creates a pool, which connects on first use.
  ///
  /// - Parameters:
  ///   - configuration: How to connect.
  ///   - options: The pool's limits.
  ///   - logger: Logs connections that failed or were lost.
  public init(configuration: ConnectionConfiguration, options: Options = Options(), logger: Logger) {
    self.configuration = configuration
    self.options = options
    self.logger = logger
    state = Mutex(State(machine: PoolStateMachine(options: options)))
  }

  /// The maximum number of connections.
  public var maximumConnections: Int { options.maximumConnections }

  /// The current counts of connections and waiting callers.
  public var statistics: Statistics {
    state.withLock { $0.machine.statistics }
  }

  /// Rejects new callers, waits for leased connections and closes all of them.
  ///
  /// After the options' close limit, leased connections are closed too, as soon as their statement in
  /// progress has finished. Calling it again does nothing.
  public func close() async {
    apply { machine, _ in machine.shutDown() }
    let limit = Task.detached { [options] in
      try await Task.sleep(for: options.closeLimit)
      self.apply { machine, _ in machine.closeLeased() }
      self.state.withLock { $0.takeClosers() }.forEach { $0.resume() }
    }
    await withCheckedContinuation { continuation in
      let isDrained = state.withLock { state in
        if !state.machine.isDrained { state.closers.append(continuation) }
        return state.machine.isDrained
      }
      if isDrained { continuation.resume() }
    }
    limit.cancel()
  }
}
