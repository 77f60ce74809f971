import KeymeterDomain
import KeymeterOps
import KeymeterServer

/// Validates one setting, or two that belong together, on its own, so that every invalid one is reported.
struct SettingRule: Sendable {
  let names: [String]
  /// Parses them as the server would, from a source without other settings.
  let judge: @Sendable (SettingsSource) throws(SettingError) -> Void

  private init(_ names: String..., judge: @escaping @Sendable (SettingsSource) throws(SettingError) -> Void) {
    self.names = names
    self.judge = judge
  }

  /// - Parameter databaseURL: The command-line flag, which takes precedence over the environment.
  static func all(databaseURL: String? = nil) -> [SettingRule] {
    [
      SettingRule("DATABASE_URL") { source throws(SettingError) in
        _ = try DatabaseSettings(source, url: databaseURL)
      }
    ]
      + databaseNumbers + listening + limits + others
  }

  /// Environment variables with the prefix of settings that aren't settings, mostly misspelt ones.
  static func unknown(in source: SettingsSource) -> [String] {
    let known = Set(all().flatMap(\.names)).union(elsewhere)
    return source.environment.keys.filter { name in
      name.hasPrefix("KEYMETER_") && !known.contains(name)
        && !(name.hasSuffix("_FILE") && known.contains(String(name.dropLast(5))))
    }.sorted()
  }

  /// Settings of other programs: `keymeter dev`'s path to PostgreSQL, and those of docker-compose.yml.
  private static let elsewhere: Set = [
    "KEYMETER_PG_BIN", "KEYMETER_IMAGE", "KEYMETER_PUBLISHED_PORT", "KEYMETER_SECRETS",
  ]

  /// Uses a dummy URL, because DATABASE_URL may be missing.
  private static let databaseNumbers = [
    "KEYMETER_DATABASE_CONNECTIONS", "KEYMETER_ADMISSION_LANES", "KEYMETER_PREPARED_STATEMENTS",
  ].map { name in
    SettingRule(name) { source throws(SettingError) in _ = try DatabaseSettings(source, url: "postgresql://")
    }
  }

  private static let listening = [
    SettingRule("KEYMETER_HOST") { source throws(SettingError) in _ = try source.value("KEYMETER_HOST") },
    SettingRule("KEYMETER_PORT") { source throws(SettingError) in _ = try ListenSettings(source) },
    SettingRule("KEYMETER_DRAIN_SECONDS") { source throws(SettingError) in _ = try ListenSettings(source) },
    SettingRule(TLSSettings.certificateName, TLSSettings.keyName) { source throws(SettingError) in
      _ = try TLSSettings.read(source)
    },
  ]

  private static let limits = [
    ConnectionLimits.connectionsName, "KEYMETER_HEADER_BYTES", "KEYMETER_HEADER_FIELDS",
    "KEYMETER_REQUEST_SECONDS",
    "KEYMETER_IDLE_SECONDS",
  ].map { name in
    SettingRule(name) { source throws(SettingError) in _ = try ConnectionLimits(source) }
  }

  private static let others = [
    SettingRule("KEYMETER_PEPPERS") { source throws(SettingError) in _ = try source.peppers() },
    SettingRule(ReporterKeys.setting) { source throws(SettingError) in _ = try source.leakReporter() },
    SettingRule("KEYMETER_TRUSTED_PROXIES") { source throws(SettingError) in
      _ = try AuthFailureSettings(source)
    },
    SettingRule("KEYMETER_AUTH_FAILURES_PER_MINUTE") { source throws(SettingError) in
      _ = try AuthFailureSettings(source)
    },
    SettingRule("KEYMETER_LOG_LEVEL") { source throws(SettingError) in _ = try LogSettings(source) },
    SettingRule("KEYMETER_LOG_FORMAT") { source throws(SettingError) in _ = try LogSettings(source) },
  ]
}

extension NodeSettings {
  init(_ source: SettingsSource, databaseURL: String? = nil) {
    var problems: [String] = []
    for rule in SettingRule.all(databaseURL: databaseURL) {
      do {
        try rule.judge(source.keeping(rule.names))
      } catch {
        problems.append(error.description)
      }
    }
    self.init(
      database: try? DatabaseSettings(source, url: databaseURL), peppers: try? source.peppers(),
      tls: (try? TLSSettings.read(source)) ?? nil, limits: try? ConnectionLimits(source), problems: problems,
      unknown: SettingRule.unknown(in: source))
  }
}

extension SettingsSource {
  /// The same source with only these settings.
  func keeping(_ names: [String]) -> SettingsSource {
    let kept = Set(names + names.map { "\($0)_FILE" })
    return SettingsSource(environment: environment.filter { kept.contains($0.key) })
  }
}
