extension ConnectionPool {
  /// The pool's limits.
  public struct Options: Sendable {
    /// The maximum number of connections.
    public var maximumConnections: Int
    /// How long a caller waits for a connection before it fails.
    public var waitLimit: Duration
    /// How long a connection may be idle before ``ConnectionPool/run()`` closes it.
    public var maximumIdleTime: Duration
    /// How long a connection is idle before ``ConnectionPool/run()`` health-checks it.
    public var idleCheckInterval: Duration
    /// How long ``ConnectionPool/close()`` waits for leased connections.
    public var closeLimit: Duration

    /// Creates options and raises `maximumConnections` to at least 1.
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

  /// A snapshot of the pool's counts.
  public struct Statistics: Sendable, Hashable {
    /// Connections leased to callers.
    public internal(set) var leased: Int
    /// Connections ready to be leased.
    public internal(set) var idle: Int
    /// Connections being established.
    public internal(set) var connecting: Int
    /// Callers waiting for a connection.
    public internal(set) var waiting: Int
  }
}
