import HTTPTypes

extension HTTPField.Name {
  // Repeated here, so that a misspelling in the sources is found.
  static let keyHeader = spelt("X-Scrubs-Clinic-Api-Key")
  static let providerHeader = spelt("X-Scrubs-Clinic-Provider")
  static let requestIDHeader = spelt("X-Request-Id")
  static let retryAfterHeader = spelt("Retry-After")
  static let apiKeyHeader = spelt("X-API-Key")
  static let keyIDHeader = spelt("X-Keymeter-Key-Id")
  static let organisationIDHeader = spelt("X-Keymeter-Organisation-Id")
  static let environmentHeader = spelt("X-Keymeter-Environment")
  static let scopesHeader = spelt("X-Keymeter-Scopes")
  static let reasonHeader = spelt("X-Keymeter-Reason")
  static let chargeHeader = spelt("X-Keymeter-Charge")
  static let requireScopeHeader = spelt("X-Keymeter-Require-Scope")
  static let requireEnvironmentHeader = spelt("X-Keymeter-Require-Environment")
  static let idempotencyKeyHeader = spelt("Idempotency-Key")
  static let idempotencyReplayedHeader = spelt("Idempotency-Replayed")
  static let forwardedForHeader = spelt("X-Forwarded-For")
  static let forwardedHeader = spelt("Forwarded")
  static let rateLimitHeader = spelt("RateLimit")
  static let rateLimitPolicyHeader = spelt("RateLimit-Policy")

  private static func spelt(_ name: StaticString) -> HTTPField.Name {
    guard let field = HTTPField.Name(name.description) else {
      preconditionFailure("\(name) is not a header name")
    }
    return field
  }
}
