import CLibpq

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the database is, who connects, and how long things may take.
///
/// The connection string is libpq's: a URI or `keyword=value` pairs, several hosts included. It is taken apart by
/// libpq and handed back in parts, so that no value is ever pasted into a string. Defaults for what it leaves out
/// come from libpq: the `PG…` environment variables, the password file, and so on.
///
/// Behind PgBouncer in transaction mode pass `preparedStatements: false`, and let PgBouncer ignore the `options`
/// startup parameter (`ignore_startup_parameters = options`) with the statement timeout and the search path set on the role.
public struct ConnectionConfiguration: Sendable {
  /// The longest that establishing a connection may take for each host; libpq counts whole seconds, at least 2.
  public let connectTimeout: Duration
  /// The server's limit for one statement.
  public let statementTimeout: Duration
  /// Whether statements are prepared on the server and reused.
  public let preparedStatements: Bool
  /// The role that a connection takes on, where its login may and nothing stands between; nil for the login itself.
  public let role: String?
  /// What libpq is given, in its own order.
  let settings: [Setting]

  /// One of libpq's connection parameters.
  struct Setting: Sendable, Equatable {
    let keyword: String
    let value: String
  }

  /// Parses a connection string and adds what it leaves out.
  ///
  /// Timeouts, keepalives and the application's name are added unless the connection string names them.
  ///
  /// - Parameters:
  ///   - url: A libpq URI or `keyword=value` string.
  ///   - applicationName: What `pg_stat_activity` shows.
  ///   - connectTimeout: The longest that connecting may take for each host.
  ///   - statementTimeout: The server's limit for one statement, set when connecting, so that it survives a reset.
  ///   - searchPath: Where names, functions and operators without a schema are looked for, set when connecting whatever the
  ///     connection string names; nil for what the server has for the login. Without spaces.
  ///   - preparedStatements: Whether to prepare statements; false for a pooler in transaction mode.
  ///   - role: A role that each connection is to take on, as by `SET ROLE`, where the login may. Where it may not,
  ///     where there is no such role, and behind a pooler, whose sessions are not ours to change, the connection stays
  ///     its login.
  /// - Throws: ``PostgresError`` of kind ``PostgresError/Kind/configuration`` if libpq can't parse the string, or might take
  ///   part of the password for something else.
  public init(
    url: String, applicationName: String = "keymeter", connectTimeout: Duration = .seconds(3),
    statementTimeout: Duration = .seconds(10), searchPath: String? = nil, preparedStatements: Bool = true,
    role: String? = nil
  ) throws(PostgresError) {
    guard connectTimeout > .zero, statementTimeout > .zero else {
      throw PostgresError(.configuration, reason: "timeouts must be greater than zero")
    }
    guard !url.holdsNUL, !applicationName.holdsNUL, role?.holdsNUL != true, searchPath?.holdsNUL != true
    else {
      throw PostgresError(.configuration, reason: "a connection setting holds a NUL byte")
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
      // What a login's own settings are warned of comes before anybody hears notices, and libpq prints it as it is.
      Self.addOption("client_min_messages=error", to: &settings)
    }
    self.settings = settings
  }

  /// The host or hosts, as the connection string has them.
  public var host: String? { self["host"] }
  /// The port or ports, as the connection string has them.
  public var port: String? { self["port"] }
  /// The database's name.
  public var database: String? { self["dbname"] }
  /// The role to connect as.
  public var user: String? { self["user"] }

  private subscript(keyword: String) -> String? {
    settings.first { $0.keyword == keyword }?.value
  }

  /// Takes the connection string apart.
  ///
  /// libpq's own message is not passed on: it quotes the string, and with it the password.
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
    try refusePorts(in: settings)
    return settings
  }

  /// Of a URI without a host or an `@` part of the password is a port, which libpq would quote when it connects.
  private static func refusePorts(in settings: [Setting]) throws(PostgresError) {
    let ports = settings.first { $0.keyword == "port" }?.value ?? ""
    for port in ports.split(separator: ",") where UInt16(port).map({ $0 == 0 }) ?? true {
      throw PostgresError(
        .configuration,
        reason:
          "a port in the connection string is no number from 1 to 65535; a URI's password ends with @host")
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
      // A peer that vanished without a word is noticed after 30 + 3 × 10 s, or when data stays
      // unacknowledged for 30 s.
      ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
      ("keepalives_count", "3"),
      ("tcp_user_timeout", "30000"),
      // Of several hosts the one that can be written to, whichever it is by now; of one, never a standby: what it says
      // is late, and a key that was revoked would still be good there.
      ("target_session_attrs", "read-write"),
    ]
    for (keyword, value) in defaults where !settings.contains(where: { $0.keyword == keyword }) {
      settings.append(Setting(keyword: keyword, value: value))
    }
    // Decoding relies on UTF-8 whatever the connection string says.
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

  /// Of a setting that is named twice the last counts.
  private static func addOption(_ option: String, to settings: inout [Setting]) {
    guard let index = settings.firstIndex(where: { $0.keyword == "options" }) else {
      settings.append(Setting(keyword: "options", value: "-c \(option)"))
      return
    }
    settings[index] = Setting(keyword: "options", value: "\(settings[index].value) -c \(option)")
  }

  /// Calls `body` with libpq's two arrays of C strings, each ended by a null pointer.
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
  /// What is wrong and how it is put right, without a part of the URI: any of them may be the password's.
  fileprivate var reason: String {
    switch self {
    case .inHost:
      "the connection string has an @ more than it can have: in the user's name and password it is written %40"
    case .inDatabaseOrPassword:
      "the connection string can be read in two ways: an @ in the database's name is written %40, "
        + "an @ or / in the user's name and password %40 or %2F"
    }
  }
}
