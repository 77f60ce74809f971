import HTTPTypes
import KeymeterDomain

extension JSONObjectWriter {
  /// `limits`, `period` and `resets_at`: always all three dimensions, `null` where unrestricted.
  mutating func limits(_ standing: KeyUsageSnapshot, reserved: Amounts? = nil) {
    object("limits") { limits in
      limits.object("requests") { $0.limit(.requests, standing, reserved) }
      limits.object("tokens") { $0.limit(.tokens, standing, reserved) }
      limits.object("stt_secs") { $0.limit(.speechSeconds, standing, reserved) }
    }
    let text = PeriodText.of(standing)
    member("period", text.period)
    member("resets_at", text.resetsAt)
  }

  private mutating func limit(_ dimension: Dimension, _ standing: KeyUsageSnapshot, _ reserved: Amounts?) {
    member("limit", standing.limits[dimension])
    member("used", standing.used[dimension])
    member("remaining", standing.remaining(dimension))
    if let reserved { member("reserved", reserved[dimension]) }
  }
}

extension HTTPFields {
  /// Appends the facts of a standing that gateways pass on to the service behind them; none may be there yet.
  mutating func add(_ standing: KeyUsageSnapshot) {
    append(HTTPField(name: .keyID, value: standing.keyID.rawValue))
    append(HTTPField(name: .organisationID, value: standing.organisationID.rawValue))
    append(HTTPField(name: .environment, value: standing.environment.rawValue))
    append(HTTPField(name: .scopes, value: standing.scopes.map(\.rawValue).joined(separator: " ")))
    RateLimitFields.add(standing, to: &self)
  }
}
