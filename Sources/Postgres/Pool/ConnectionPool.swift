public import Logging
import Synchronization

/// A bounded set of connections that are leased out one caller at a time.
///
/// It opens connections as they are needed and replaces what broke, so it recovers by itself when the database comes
/// back. What is decided when is ``PoolStateMachine``'s affair; this class carries it out.
///
/// A leased connection is reset no further than by rolling back: session settings, temporary tables and advisory
/// locks that a caller leaves behind meet the next one.
public final class ConnectionPool: Sendable {
  let options: Options
  let configuration: ConnectionConfiguration
  let logger: Logger
  let state: Mutex<State>
  let lastWaiter = Atomic<UInt64>(0)

  /// Makes a pool; it connects when it is first used.
  ///
  /// - Parameters:
  ///   - configuration: How to connect.
  ///   - options: The pool's bounds.
  ///   - logger: Hears of connections that failed or were lost.
  public init(configuration: ConnectionConfiguration, options: Options = Options(), logger: Logger) {
    self.configuration = configuration
    self.options = options
    self.logger = logger
    state = Mutex(State(machine: PoolStateMachine(options: options)))
  }

  /// The most connections at a time.
  public var maximumConnections: Int { options.maximumConnections }

  /// How many connections and waiting callers there are just now.
  public var statistics: Statistics {
    state.withLock { $0.machine.statistics }
  }

  /// Refuses new callers, waits for leased connections to come back, and closes all.
  ///
  /// It waits no longer than the options' close limit; what is still leased then is closed under its caller as soon
  /// as the statement in progress is through. Harmless when called again.
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
