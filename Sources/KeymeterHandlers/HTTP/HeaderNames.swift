import HTTPTypes
import KeymeterDomain

extension HTTPField.Name {
  static let scrubsKey = known("X-Scrubs-Clinic-Api-Key")
  static let scrubsProvider = known("X-Scrubs-Clinic-Provider")
  static let requestID = known("X-Request-Id")
  static let traceParent = known("traceparent")
  static let retryAfter = known("Retry-After")
  static let apiKey = known("X-API-Key")
  static let rateLimitPolicy = known("RateLimit-Policy")
  static let rateLimit = known("RateLimit")
  static let keyID = known("X-Keymeter-Key-Id")
  static let organisationID = known("X-Keymeter-Organisation-Id")
  static let environment = known("X-Keymeter-Environment")
  static let scopes = known("X-Keymeter-Scopes")
  static let reason = known("X-Keymeter-Reason")
  static let requireScope = known("X-Keymeter-Require-Scope")
  static let requireEnvironment = known("X-Keymeter-Require-Environment")
  static let charge = known("X-Keymeter-Charge")
  static let forwardedFor = known("X-Forwarded-For")
  static let forwarded = known("Forwarded")
  static let idempotencyKey = known(IdempotencyKey.header)
  static let idempotencyReplayed = known("Idempotency-Replayed")
  static let gitHubKeyIdentifier = known("Github-Public-Key-Identifier")
  static let gitHubKeySignature = known("Github-Public-Key-Signature")
  static let xGitHubKeyIdentifier = known("X-GitHub-Public-Key-Identifier")
  static let xGitHubKeySignature = known("X-GitHub-Public-Key-Signature")

  /// A name that stands in this source, and so is known to be a token.
  private static func known(_ name: String) -> HTTPField.Name {
    guard let field = HTTPField.Name(name) else {
      preconditionFailure("\(name) is no header name")
    }
    return field
  }
}

extension HTTPFields {
  /// The value of a header that must stand once; `nil` where it is missing, empty or repeated, since a
  /// repeated credential leaves open which of them a proxy has judged.
  func single(_ name: HTTPField.Name) -> String? {
    let values = self[values: name]
    guard let value = values.first, values.count == 1, !value.isEmpty else { return nil }
    return value
  }
}
