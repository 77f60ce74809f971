import CLibpq

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How to connect to the database: servers, login, timeouts.
///
/// The connection string is libpq's: a URI or `keyword=value` pairs, with one or several hosts. libpq parses
/// it and hands back its parts, so no value is ever pasted into a string. Missing values come from libpq's
/// defaults: the `PG…` environment variables, the password file and so on.
///
/// Behind PgBouncer in transaction mode, pass `preparedStatements: false` and set `ignore_startup_parameters
/// = options` in PgBouncer. Then set the statement timeout and the search path on the role.
public struct ConnectionConfiguration: Sendable {
  /// The connect timeout for each host.
  ///
  /// libpq counts whole seconds, at least 2.
  public let connectTimeout: Duration
  /// The server's limit for one statement.
  public let statementTimeout: Duration
  /// Whether statements are prepared on the server and reused.
  public let preparedStatements: Bool
  /// The role that each connection switches to (`SET ROLE`), or nil for the login itself.
  public let role: String?
  /// The parameters for libpq, in its own order.
  let settings: [Setting]

  /// One of libpq's connection parameters.
  struct Setting: Sendable, Equatable {
    let keyword: String
    let value: String
  }

  /// Parses a connection string and adds defaults.
  ///
  /// Timeouts, keepalives and the application name are added unless the connection string sets them.
  ///
  /// - Parameters:
  ///   - url: A libpq URI or `keyword=value` string.
  ///   - applicationName: The name in `pg_stat_activity`.
  ///   - connectTimeout: The connect timeout for each host.
  ///   - statementTimeout: The server's limit for one statement. Set as a startup option, so it survives
  ///     `RESET`.
  ///   - searchPath: The schemas for unqualified names, without spaces. It overrides the connection string.
  ///     Nil for the login's default.
  ///   - preparedStatements: Whether to prepare statements. Use false behind a pooler in transaction mode.
  ///   - role: A role that each connection switches to, as with `SET ROLE`. The connection keeps its login if
  ///     the role is missing, if the login isn't a member, or behind a pooler, whose sessions are shared.
  /// - Throws: ``PostgresError`` of kind ``PostgresError/Kind/configuration`` if libpq can't parse the string
  ///   or might mistake part of the password for something else.
  public init(
    url: String, applicationName: String = "keymeter", connectTimeout: Duration = .seconds(3),
    statementTimeout: Duration = .seconds(10), searchPath: String? = nil, preparedStatements: Bool = true,
    role: String? = nil
  ) throws(PostgresError) {
    guard connectTimeout > .zero, statementTimeout > .zero else {
      throw PostgresError(.configuration, reason: "timeouts must be greater than zero")
    }
    guard !url.hasNUL, !applicationName.hasNUL, role?.hasNUL != true, searchPath?.hasNUL != true
    else {
      throw PostgresError(.configuration, reason: "a connection setting contains a NUL byte")
    }
    self.connectTimeout = connectTimeout
    self.statementTimeout = statementTimeout
    self.preparedStatements = preparedStatements
    self.role = role
    var settings = try Self.parse(url)
    Self.addDefaults(
      to: &settings, applicationName: applicationName, connectTimeout: connectTimeout,
      statementTimeout: statementTimeout)
    if let searchPath {
      Self.addOption("search_path=\(searchPath)", to: &settings)
      // libpq prints warnings about the login's settings to stderr before a notice processor is installed.
      Self.addOption("client_min_messages=error", to: &settings)
    }
    self.settings = settings
  }

  /// The host or hosts, as in the connection string.
  public var host: String? { self["host"] }
  /// The port or ports, as in the connection string.
  public var port: String? { self["port"] }

  private subscript(keyword: String) -> String? {
    settings.first { $0.keyword == keyword }?.value
  }

  /// Parses the connection string.
  ///
  /// libpq's own error message is dropped, because it quotes the string and with it the password.
  private static func parse(_ url: String) throws(PostgresError) -> [Setting] {
    if let stray = ConnectionURI.strayAt(in: url) {
      throw PostgresError(.configuration, reason: stray.reason)
    }
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(url, &message) else {
      PQfreemem(message)
      throw PostgresError(
        .configuration,
        reason:
          "libpq can't parse the connection string; expected postgresql://user:password@host:port/database")
    }
    defer { PQconninfoFree(options) }
    var settings: [Setting] = []
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        settings.append(Setting(keyword: String(cString: keyword), value: String(cString: value)))
      }
      option += 1
    }
    try validatePorts(in: settings)
    return settings
  }

  /// In a URI without `@` or host, part of the password parses as a port, which libpq would quote in its
  /// errors.
  private static func validatePorts(in settings: [Setting]) throws(PostgresError) {
    let ports = settings.first { $0.keyword == "port" }?.value ?? ""
    for port in ports.split(separator: ",") where UInt16(port).map({ $0 == 0 }) ?? true {
      throw PostgresError(
        .configuration,
        reason:
          "a port in the connection string is not a number from 1 to 65535 (is the @ before the host missing?)"
      )
    }
  }

  private static func addDefaults(
    to settings: inout [Setting], applicationName: String, connectTimeout: Duration,
    statementTimeout: Duration
  ) {
    let defaults = [
      ("application_name", applicationName),
      ("client_encoding", "UTF8"),
      ("connect_timeout", String(max(2, (connectTimeout.wholeMilliseconds + 999) / 1000))),
      // A vanished peer is detected after 30 + 3 × 10 s, or once data stays unacknowledged for 30 s.
      ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
      ("keepalives_count", "3"),
      ("tcp_user_timeout", "30000"),
      // Of several hosts, connect to the current primary. Never to a standby, even if it is the only host:
      // its data lags, so a revoked key would still be accepted.
      ("target_session_attrs", "read-write"),
    ]
    for (keyword, value) in defaults where !settings.contains(where: { $0.keyword == keyword }) {
      settings.append(Setting(keyword: keyword, value: value))
    }
    // Decoding needs UTF-8, so this overrides the connection string.
    settings = settings.map {
      $0.keyword == "client_encoding" ? Setting(keyword: $0.keyword, value: "UTF8") : $0
    }
    addStatementTimeout(statementTimeout, to: &settings)
  }

  private static func addStatementTimeout(_ timeout: Duration, to settings: inout [Setting]) {
    let named = settings.first { $0.keyword == "options" }?.value
    guard named?.contains("statement_timeout") != true else { return }
    addOption("statement_timeout=\(max(1, timeout.wholeMilliseconds))", to: &settings)
  }

  /// If an option occurs twice, the last one wins.
  private static func addOption(_ option: String, to settings: inout [Setting]) {
    guard let index = settings.firstIndex(where: { $0.keyword == "options" }) else {
      settings.append(Setting(keyword: "options", value: "-c \(option)"))
      return
    }
    settings[index] = Setting(keyword: "options", value: "\(settings[index].value) -c \(option)")
  }

  /// Calls `body` with libpq's two null-terminated arrays of C strings.
  func withKeywordsAndValues<Result>(
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?) -> Result
  ) -> Result {
    let copies = settings.map { (strdup($0.keyword), strdup($0.value)) }
    defer {
      for (keyword, value) in copies {
        free(keyword)
        free(value)
      }
    }
    let keywords = copies.map { UnsafePointer<CChar>($0.0) } + [nil]
    let values = copies.map { UnsafePointer<CChar>($0.1) } + [nil]
    return keywords.withUnsafeBufferPointer { keywords in
      values.withUnsafeBufferPointer { values in body(keywords.baseAddress, values.baseAddress) }
    }
  }
}

extension ConnectionURI.StrayAt {
  /// The problem and its fix.
  ///
  /// Quotes no part of the URI, because any part may belong to the password.
  fileprivate var reason: String {
    switch self {
    case .inHost:
      "the connection string has one @ too many: write %40 for an @ in the user name or password"
    case .inDatabaseOrPassword:
      "the connection string is ambiguous: write %40 for an @ in the database name, "
        + "and %40 or %2F for an @ or / in the user name or password"
    }
  }
}

extension ConnectionConfiguration: CustomStringConvertible {
  /// The settings, with passwords redacted.
  public var description: String {
    settings.map(\.description).joined(separator: " ")
  }
}

extension ConnectionConfiguration: CustomDebugStringConvertible, CustomReflectable {
  /// The same as ``description``: passwords don't belong in debug output either.
  public var debugDescription: String { description }

  /// Empty, so that `dump` and similar functions don't reveal the password.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ConnectionConfiguration.Setting: CustomStringConvertible, CustomReflectable {
  /// The keyword and its value, with passwords redacted.
  var description: String {
    "\(keyword)=\(keyword.contains("password") ? "[redacted]" : value)"
  }

  /// Shows the keyword alone.
  var customMirror: Mirror { Mirror(self, children: ["keyword": keyword]) }
}

/// Detects connection URIs that libpq would parse differently from what the operator meant.
enum ConnectionURI {
  /// An `@` that does not end the credentials, as libpq parses the URI.
  enum StrayAt: Equatable {
    /// Part of a host: after the credentials and before the next `/`.
    case inHost
    /// Part of the database's name. It may also be the end of a password that contains `@` or `/`.
    case inDatabaseOrPassword
  }

  /// Finds an unescaped `@` or `/` in a password that libpq would parse as host, port or database name.
  ///
  /// libpq ends the credentials at the first `@`, but only if no `/` comes before it. A password with an
  /// unescaped `@` or `/` would then leak part of itself to DNS and into libpq's error messages.
  ///
  /// A lone `@` in a database name is legal and looks the same. It is accepted only if no `:` precedes it,
  /// because then there is no password that it could end. Like libpq, this scans bytes.
  ///
  /// - Returns: The stray `@`, or nil if the URI is unambiguous.
  static func strayAt(in url: String) -> StrayAt? {
    let bytes = Array(url.utf8)
    guard let scheme = ["postgresql://", "postgres://"].first(where: { bytes.starts(with: $0.utf8) }) else {
      return nil
    }
    let rest = bytes.dropFirst(scheme.utf8.count)
    guard let first = rest.firstIndex(where: { $0 == at || $0 == slash }) else { return nil }
    let behind = rest[first...].dropFirst().prefix { $0 != UInt8(ascii: "?") }
    guard let last = behind.lastIndex(of: at) else { return nil }
    if rest[first] == at, behind.prefix(while: { $0 != slash }).contains(at) { return .inHost }
    return rest[..<last].contains(UInt8(ascii: ":")) ? .inDatabaseOrPassword : nil
  }

  private static let at = UInt8(ascii: "@")
  private static let slash = UInt8(ascii: "/")
}

extension Duration {
  /// Whole milliseconds, rounded up.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
