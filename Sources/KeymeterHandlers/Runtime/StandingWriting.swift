import HTTPTypes
import KeymeterDomain

extension JSONObjectWriter {
  /// `limits`, `period` and `resets_at`: always all three dimensions, `null` where unrestricted.
  mutating func limits(_ standing: KeyStanding, reserved: Amounts? = nil) {
    object("limits") { limits in
      for dimension in Dimension.allCases {
        limits.object(dimension.rawValue) { limit in
          limit.member("limit", standing.limits[dimension])
          limit.member("used", standing.used[dimension])
          limit.member("remaining", standing.remaining(dimension))
          if let reserved { limit.member("reserved", reserved[dimension]) }
        }
      }
    }
    member("period", standing.period.description)
    member("resets_at", standing.period.resetsAt.rfc3339)
  }
}

extension HTTPFields {
  /// The facts of a standing that gateways pass on to the service behind them.
  mutating func add(_ standing: KeyStanding) {
    self[.keyID] = standing.keyID.rawValue
    self[.organisationID] = standing.organisationID.rawValue
    self[.environment] = standing.environment.rawValue
    self[.scopes] = standing.scopes.map(\.rawValue).joined(separator: " ")
    RateLimitFields.add(standing, to: &self)
  }
}
