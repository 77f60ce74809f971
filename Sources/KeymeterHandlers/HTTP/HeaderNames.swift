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

  /// - Parameter name: a valid token, since it is a literal of this file.
  private static func known(_ name: String) -> HTTPField.Name {
    guard let field = HTTPField.Name(name) else {
      preconditionFailure("\(name) is not a header name")
    }
    return field
  }
}

extension HTTPFields {
  /// The value of a header, or `nil` if it is missing, empty or repeated.
  ///
  /// A repeated credential is no credential: a proxy may have checked the other one.
  func single(_ name: HTTPField.Name) -> String? {
    let values = self[values: name]
    guard let value = values.first, values.count == 1, !value.isEmpty else { return nil }
    return value
  }
}
