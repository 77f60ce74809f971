import KeymeterDomain

/// The settings of a node, as far as each can be used: doctor looks at the rest even where one is bad.
struct NodeSettings: Sendable {
  /// nil where what says which database can't be used.
  let database: DatabaseSettings?
  let peppers: PepperSet?
  /// nil where there is no TLS, or its two settings don't go together.
  let tls: TLSSettings?
  let limits: ConnectionLimits?
  /// What is wrong with each bad setting: one sentence that begins with its name, never its value.
  let problems: [String]
  /// Variables that look like settings and are none.
  let unknown: [String]

  init(_ source: SettingsSource, databaseURL: String? = nil) {
    var problems: [String] = []
    for rule in SettingRule.all(databaseURL: databaseURL) {
      do {
        try rule.judge(source.keeping(rule.names))
      } catch {
        problems.append(error.description)
      }
    }
    self.problems = problems
    database = try? DatabaseSettings(source, url: databaseURL)
    peppers = try? source.peppers()
    tls = (try? TLSSettings.read(source)) ?? nil
    limits = try? ConnectionLimits(source)
    unknown = SettingRule.unknown(in: source)
  }
}
