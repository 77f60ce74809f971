package import KeymeterDomain
import KeymeterHandlers
package import KeymeterRepository
package import NIOCore
package import Postgres

/// A setting that is missing or invalid.
package struct SettingError: Error, CustomStringConvertible {
  package let name: String
  package let problem: String

  package init(name: String, problem: String) {
    self.name = name
    self.problem = problem
  }

  /// Names the setting but never its value, which may be secret.
  package var description: String { "\(name) \(problem)" }
}

/// The database and how the node connects to it.
package struct DatabaseSettings: Sendable {
  package let url: String
  /// The maximum number of connections in the process's general pool.
  package var maximumConnections = 8
  /// The number of admission workers, each with its own connection.
  package var admissionWorkers = 1
  /// Off for poolers in transaction mode that don't support prepared statements.
  package var preparedStatements = true

  package init(url: String) { self.url = url }

  /// The maximum size of the analytics connection pool.
  package var analyticsConnections: Int { max(2, maximumConnections / 4) }
  /// The maximum number of connections per server, including analytics, admission workers and the readiness check.
  package var connectionsOfOneNode: Int { maximumConnections + analyticsConnections + admissionWorkers + 1 }

  /// The connection configuration.
  ///
  /// - Parameter role: The role that connections switch to if the login may, or nil for the login itself.
  package func configuration(
    statementTimeout: Duration, role: DatabaseRole? = nil
  ) throws(PostgresError) -> ConnectionConfiguration {
    try ConnectionConfiguration(
      url: url, statementTimeout: statementTimeout, searchPath: DatabaseRole.searchPath,
      preparedStatements: preparedStatements, role: role?.rawValue)
  }
}

extension DatabaseSettings: CustomStringConvertible, CustomReflectable {
  /// Without the URL, which may contain a password.
  package var description: String { "\(maximumConnections) connections, \(admissionWorkers) workers" }
  /// Shows nothing.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where the server listens, and what it grants each connection.
package struct ListenSettings: Sendable {
  package let host: String
  package let port: Int
  /// Nil for plain HTTP.
  package let tls: TLSSettings?
  package let limits: ConnectionLimits
  /// How long the server keeps serving after SIGTERM while it reports that it isn't ready.
  package let drain: Duration

  package init(host: String, port: Int, tls: TLSSettings?, limits: ConnectionLimits, drain: Duration) {
    self.host = host
    self.port = port
    self.tls = tls
    self.limits = limits
    self.drain = drain
  }

  /// The scheme of the server's URLs.
  package var scheme: String { tls == nil ? "http" : "https" }
}

/// The paths of the server's certificate and private key.
package struct TLSSettings: Sendable {
  package static let certificateName = "KEYMETER_TLS_CERT"
  package static let keyName = "KEYMETER_TLS_KEY"

  /// A PEM file: the server's certificate, then the intermediate certificates.
  package let certificatePath: String
  /// A PEM file with the unencrypted private key.
  package let keyPath: String

  package init(certificatePath: String, keyPath: String) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
  }
}

/// The time and memory that one client can take before the server closes its connection.
package struct ConnectionLimits: Sendable {
  package static let connectionsName = "KEYMETER_CONNECTIONS"

  /// The maximum number of connections.
  ///
  /// Further ones receive 503.
  package var connections = 20_000
  /// Whether the operator set that number, and so should be warned if fewer fit.
  package var connectionsAreNamed = false
  /// The maximum size of a request's line and header fields.
  ///
  /// Larger requests receive 431.
  package var headerBytes = 32 * 1_024
  /// The maximum number of header fields in a request.
  ///
  /// More receive 431.
  package var headerFields = 100
  /// How long a client may take to send a request, and to read a response.
  package var requestTime = TimeAmount.seconds(20)
  /// How long a connection may stay idle.
  package var idleTime = TimeAmount.seconds(75)

  package init() {}
}

/// How failed authentications are attributed and limited.
package struct AuthFailureSettings: Sendable {
  package let proxies: TrustedProxies
  /// Failures allowed per minute and address, 0 for no limit.
  package let failuresPerMinute: Int

  package init(proxies: TrustedProxies, failuresPerMinute: Int) {
    self.proxies = proxies
    self.failuresPerMinute = failuresPerMinute
  }

  /// The limiter of one server.
  func limiter(_ metrics: AuthFailureMetrics) -> AuthFailureLimiter {
    AuthFailureLimiter(
      proxies: proxies,
      limiter: failuresPerMinute == 0 ? nil : FailureRateLimiter(failuresPerMinute: failuresPerMinute),
      metrics: metrics)
  }
}
