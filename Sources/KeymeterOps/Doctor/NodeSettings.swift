package import KeymeterDomain
package import KeymeterServer

/// The settings of a node, as far as each can be used: doctor looks at the rest even where one is bad.
package struct NodeSettings: Sendable {
  /// nil where what says which database can't be used.
  package let database: DatabaseSettings?
  package let peppers: PepperSet?
  /// nil where there is no TLS, or its two settings don't go together.
  package let tls: TLSSettings?
  package let limits: ConnectionLimits?
  /// What is wrong with each bad setting: one sentence that begins with its name, never its value.
  package let problems: [String]
  /// Variables that look like settings and are none.
  package let unknown: [String]

  package init(
    database: DatabaseSettings?, peppers: PepperSet?, tls: TLSSettings?, limits: ConnectionLimits?,
    problems: [String], unknown: [String]
  ) {
    self.database = database
    self.peppers = peppers
    self.tls = tls
    self.limits = limits
    self.problems = problems
    self.unknown = unknown
  }
}
