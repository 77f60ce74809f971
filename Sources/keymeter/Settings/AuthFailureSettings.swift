import KeymeterDomain
import KeymeterHandlers

/// The limit on failed authentications, and how to identify the client address.
struct AuthFailureSettings: Sendable {
  /// The proxies whose `X-Forwarded-For` is trusted.
  let proxies: TrustedProxies
  /// The failures allowed per minute and address, or 0 means unlimited.
  let failuresPerMinute: Int

  init(_ source: SettingsSource) throws(SettingError) {
    proxies = try Self.proxies(source)
    failuresPerMinute = try source.number("KEYMETER_AUTH_FAILURES_PER_MINUTE", in: 0...1_000_000) ?? 60
  }

  /// Creates the limiter for one server.
  func watch(_ metrics: AuthFailureMetrics) -> AuthFailureLimiter {
    AuthFailureLimiter(
      proxies: proxies,
      limiter: failuresPerMinute == 0 ? nil : FailureRateLimiter(failuresPerMinute: failuresPerMinute),
      metrics: metrics)
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
