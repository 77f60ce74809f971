import FoundationEssentials
import KeymeterDomain
import KeymeterRepository
import Logging
import Postgres

/// The connection to the database.
struct DatabaseSettings: Sendable {
  let url: String
  /// The maximum number of connections in the process's general pool.
  let maximumConnections: Int
  /// The number of admission workers, each with its own connection.
  let admissionWorkers: Int
  /// Off for poolers in transaction mode that don't support prepared statements.
  let preparedStatements: Bool

  init(_ source: SettingsSource, url flag: String? = nil) throws(SettingError) {
    url = try source.required("DATABASE_URL", flag: flag)
    maximumConnections =
      try source.number("KEYMETER_DATABASE_CONNECTIONS", in: 1...1_000) ?? 8
    admissionWorkers = try source.number("KEYMETER_ADMISSION_LANES", in: 1...16) ?? 1
    preparedStatements = try source.flag("KEYMETER_PREPARED_STATEMENTS") ?? true
    _ = try configuration(statementTimeout: .seconds(10))
  }

  /// The maximum number of connections per server, including its admission workers and its readiness check.
  var connectionsOfOneNode: Int { maximumConnections + admissionWorkers + 1 }

  /// The connection configuration.
  ///
  /// - Parameter role: The role that connections switch to if the login may, or nil for the login itself.
  func configuration(
    statementTimeout: Duration, role: DatabaseRole? = nil
  ) throws(SettingError) -> ConnectionConfiguration {
    do {
      return try ConnectionConfiguration(
        url: url, statementTimeout: statementTimeout, searchPath: DatabaseRole.searchPath,
        preparedStatements: preparedStatements, role: role?.rawValue)
    } catch {
      throw SettingError(
        name: "DATABASE_URL",
        problem: "is not a valid libpq connection string (in a URI's password, write %40 for @ and %2F for /)"
      )
    }
  }
}

/// The address that the server listens on.
struct ListenSettings: Sendable {
  let host: String
  let port: Int
  /// Nil for plain HTTP.
  let tls: TLSSettings?
  let limits: ConnectionLimits
  /// How long the server keeps serving, but reports not ready, after it is asked to stop.
  let drain: Duration

  init(_ source: SettingsSource, host: String? = nil, port: String? = nil) throws(SettingError) {
    self.host = try source.value("KEYMETER_HOST", flag: host) ?? "127.0.0.1"
    self.port = try source.number("KEYMETER_PORT", flag: port, in: 0...65_535) ?? 8080
    tls = try TLSSettings.read(source)
    limits = try ConnectionLimits(source)
    drain = .seconds(try source.number("KEYMETER_DRAIN_SECONDS", in: 0...3_600) ?? 0)
  }

  /// The scheme of the server's URLs.
  var scheme: String { tls == nil ? "http" : "https" }
}

/// The log level and format.
struct LogSettings: Sendable {
  let level: Logger.Level
  let format: LineLogHandler.Format

  init(_ source: SettingsSource, level: String? = nil, format: String? = nil) throws(SettingError) {
    self.level = try source.choice("KEYMETER_LOG_LEVEL", flag: level, of: Logger.Level.allCases) ?? .info
    self.format =
      try source.choice("KEYMETER_LOG_FORMAT", flag: format, of: LineLogHandler.Format.allCases) ?? .text
  }
}

extension SettingsSource {
  /// The peppers from `KEYMETER_PEPPERS`, `id:base64[,…]`, with the current one first.
  func peppers() throws(SettingError) -> PepperSet {
    let name = "KEYMETER_PEPPERS"
    var peppers: [(id: String, bytes: [UInt8])] = []
    for entry in try required(name).split(separator: ",", omittingEmptySubsequences: false) {
      let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let data = Data(base64Encoded: String(parts[1])) else {
        throw SettingError(name: name, problem: "must be a comma-separated list of id:base64")
      }
      peppers.append((id: String(parts[0]), bytes: Array(data)))
    }
    do {
      return try PepperSet(peppers)
    } catch {
      throw SettingError(name: name, problem: error.errors.map(\.message).joined(separator: "; "))
    }
  }

  func number(
    _ name: String, flag: String? = nil, in range: ClosedRange<Int>
  ) throws(SettingError) -> Int? {
    guard let text = try value(name, flag: flag) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw SettingError(
        name: name, problem: "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func flag(_ name: String) throws(SettingError) -> Bool? {
    guard let text = try value(name) else { return nil }
    switch text {
    case "on", "true", "1": return true
    case "off", "false", "0": return false
    default: throw SettingError(name: name, problem: "must be on or off")
    }
  }

  func choice<Value: RawRepresentable<String>>(
    _ name: String, flag: String? = nil, of values: [Value]
  ) throws(SettingError) -> Value? {
    guard let text = try value(name, flag: flag) else { return nil }
    guard let value = values.first(where: { $0.rawValue == text }) else {
      let names = values.map(\.rawValue).joined(separator: ", ")
      throw SettingError(name: name, problem: "must be one of \(names)")
    }
    return value
  }
}

extension DatabaseSettings: CustomStringConvertible, CustomReflectable {
  /// Without the URL, which may contain a password.
  var description: String { "\(maximumConnections) connections, \(admissionWorkers) workers" }
  /// Shows nothing.
  var customMirror: Mirror { Mirror(self, children: []) }
}
