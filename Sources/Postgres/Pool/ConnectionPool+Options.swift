extension ConnectionPool {
  /// The pool's bounds.
  public struct Options: Sendable {
    /// The most connections at a time.
    public var maximumConnections: Int
    /// The longest wait for a connection.
    public var waitLimit: Duration
    /// How long a connection may be idle before ``ConnectionPool/run()`` closes it.
    public var maximumIdleTime: Duration
    /// How long after its last use ``ConnectionPool/run()`` checks an idle connection.
    public var idleCheckInterval: Duration
    /// How long ``ConnectionPool/close()`` waits for leased connections.
    public var closeLimit: Duration

    /// Makes options; `maximumConnections` below 1 counts as 1.
    public init(
      maximumConnections: Int = 8, waitLimit: Duration = .seconds(2),
      maximumIdleTime: Duration = .seconds(300), idleCheckInterval: Duration = .seconds(15),
      closeLimit: Duration = .seconds(10)
    ) {
      self.maximumConnections = max(1, maximumConnections)
      self.waitLimit = waitLimit
      self.maximumIdleTime = maximumIdleTime
      self.idleCheckInterval = idleCheckInterval
      self.closeLimit = closeLimit
    }
  }

  /// A pool's numbers at one instant.
  public struct Statistics: Sendable, Hashable {
    /// Connections in the hands of callers.
    public internal(set) var leased: Int
    /// Connections ready to be leased.
    public internal(set) var idle: Int
    /// Connections being established.
    public internal(set) var connecting: Int
    /// Callers waiting for a connection.
    public internal(set) var waiting: Int
  }
}
