package import KeymeterDomain
package import KeymeterServer

/// The settings of a node as far as each is usable, because doctor checks the rest even if one is not.
package struct NodeSettings: Sendable {
  package let database: DatabaseSettings?
  package let peppers: PepperSet?
  package let tls: TLSSettings?
  package let limits: ConnectionLimits?
  /// A sentence about each unusable setting.
  ///
  /// It starts with the name and never has the value.
  package let problems: [String]
  /// Variables that look like settings but are not.
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
