/// The environment that a key belongs to (contract §2 and §4).
public enum KeyEnvironment: String, Sendable, CaseIterable {
  case production = "PRODUCTION"
  case staging = "STAGING"
  case development = "DEVELOPMENT"

  /// Its name within a key: `sk_live_…`.
  public var keyInfix: String {
    switch self {
    case .production: "live"
    case .staging: "stag"
    case .development: "dev"
    }
  }

  /// Parses an environment's name on the wire.
  ///
  /// - Throws: `ValidationFailure` naming `field`.
  public init(validating text: String, field: String) throws(ValidationFailure) {
    guard let environment = KeyEnvironment(rawValue: text) else {
      throw ValidationFailure(field: field, "must be one of PRODUCTION, STAGING, DEVELOPMENT")
    }
    self = environment
  }
}
