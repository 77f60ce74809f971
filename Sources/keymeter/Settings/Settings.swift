import FoundationEssentials
import KeymeterDomain
import KeymeterServer
import Logging
import NIOCore

extension DatabaseSettings {
  init(_ source: SettingsSource, url flag: String? = nil) throws(SettingError) {
    self.init(url: try source.required("DATABASE_URL", flag: flag))
    maximumConnections =
      try source.number("KEYMETER_DATABASE_CONNECTIONS", in: 1...1_000) ?? maximumConnections
    admissionWorkers = try source.number("KEYMETER_ADMISSION_LANES", in: 1...16) ?? admissionWorkers
    preparedStatements = try source.flag("KEYMETER_PREPARED_STATEMENTS") ?? preparedStatements
    do {
      _ = try configuration(statementTimeout: .seconds(10))
    } catch {
      throw SettingError(
        name: "DATABASE_URL",
        problem: "is not a valid libpq connection string (in a URI's password, write %40 for @ and %2F for /)"
      )
    }
  }
}

extension ListenSettings {
  init(_ source: SettingsSource, host: String? = nil, port: String? = nil) throws(SettingError) {
    self.init(
      host: try source.value("KEYMETER_HOST", flag: host) ?? "127.0.0.1",
      port: try source.number("KEYMETER_PORT", flag: port, in: 0...65_535) ?? 8080,
      tls: try TLSSettings.read(source), limits: try ConnectionLimits(source),
      drain: .seconds(try source.number("KEYMETER_DRAIN_SECONDS", in: 0...3_600) ?? 0))
  }
}

extension TLSSettings {
  /// The two paths, or nil if neither is set.
  ///
  /// - Throws: `SettingError` if only one of them is set, so that a server meant to use TLS never serves plain HTTP.
  static func read(_ source: SettingsSource) throws(SettingError) -> TLSSettings? {
    let certificate = try source.value(certificateName)
    let key = try source.value(keyName)
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return TLSSettings(certificatePath: certificate, keyPath: key)
    case (_?, nil): throw SettingError(name: keyName, problem: "is not set, but \(certificateName) is")
    case (nil, _?): throw SettingError(name: certificateName, problem: "is not set, but \(keyName) is")
    }
  }
}

extension ConnectionLimits {
  init(_ source: SettingsSource) throws(SettingError) {
    self.init()
    let named = try source.number(Self.connectionsName, in: 1...1_000_000)
    connections = named ?? connections
    connectionsAreNamed = named != nil
    headerBytes = try source.number("KEYMETER_HEADER_BYTES", in: 1_024...1_048_576) ?? headerBytes
    headerFields = try source.number("KEYMETER_HEADER_FIELDS", in: 10...10_000) ?? headerFields
    let request = try source.number("KEYMETER_REQUEST_SECONDS", in: 1...3_600)
    requestTime = request.map { .seconds(Int64($0)) } ?? requestTime
    let idle = try source.number("KEYMETER_IDLE_SECONDS", in: 1...86_400)
    idleTime = idle.map { .seconds(Int64($0)) } ?? idleTime
  }
}

extension AuthFailureSettings {
  init(_ source: SettingsSource) throws(SettingError) {
    self.init(
      proxies: try Self.proxies(source),
      failuresPerMinute: try source.number("KEYMETER_AUTH_FAILURES_PER_MINUTE", in: 0...1_000_000) ?? 60)
  }

  private static func proxies(_ source: SettingsSource) throws(SettingError) -> TrustedProxies {
    let name = "KEYMETER_TRUSTED_PROXIES"
    guard let text = try source.value(name) else { return .undeclared }
    if text == "none" { return TrustedProxies([]) }
    var ranges: [AddressRange] = []
    for (index, entry) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      do throws(ValidationFailure) {
        ranges.append(try AddressRange(validating: entry.trimmingBlanks(), field: name))
      } catch {
        let problem = error.errors.map(\.message).joined(separator: "; ")
        throw SettingError(name: name, problem: "has an invalid entry, number \(index + 1): it \(problem)")
      }
    }
    return TrustedProxies(ranges)
  }
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
