extension PostgresCluster {
  /// What a cluster's server is started with.
  public struct Options: Sendable {
    /// Further server settings, each passed as `-c name=value`.
    ///
    /// The address, port, socket and access files are the cluster's own and win over what is given here.
    /// With `fsync` set to `off` initdb does not wait for the disk either.
    public var settings: [String: String] = [:]
    /// The TCP port on 127.0.0.1, with passwords (scram-sha-256); nil for the unix socket only.
    public var tcpPort: Int? = nil
    /// Further roles that the invoking OS user may connect as over the socket.
    ///
    /// They are allowed to connect, not created.
    public var roles: [String] = []

    /// Options of a server on the unix socket only, with PostgreSQL's own settings.
    public init() {}

    /// Options in one expression.
    ///
    /// - Parameters:
    ///   - settings: further server settings.
    ///   - tcpPort: the TCP port on 127.0.0.1; nil for the socket only.
    ///   - roles: further roles that the invoking OS user may connect as.
    public init(settings: [String: String] = [:], tcpPort: Int? = nil, roles: [String] = []) {
      self.settings = settings
      self.tcpPort = tcpPort
      self.roles = roles
    }
  }

  /// How a server treats those who are connected when it stops; PostgreSQL's own three modes.
  public enum StopMode: String, Sendable, CaseIterable {
    /// Waits until every client has left; after the bound it goes on with ``fast``.
    case smart
    /// Rolls back what is open and disconnects everyone; after the bound it goes on with ``immediate``.
    case fast
    /// Ends at once without a checkpoint; the next start recovers.
    case immediate
  }
}
