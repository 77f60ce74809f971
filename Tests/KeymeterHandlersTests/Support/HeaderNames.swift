import HTTPTypes

extension HTTPField.Name {
  // Spelt out here once more, so that a slip in the source's spelling is seen.
  static let keyHeader = spelt("X-Scrubs-Clinic-Api-Key")
  static let providerHeader = spelt("X-Scrubs-Clinic-Provider")
  static let requestIDHeader = spelt("X-Request-Id")
  static let retryAfterHeader = spelt("Retry-After")
  static let apiKeyHeader = spelt("X-API-Key")

  private static func spelt(_ name: StaticString) -> HTTPField.Name {
    guard let field = HTTPField.Name(name.description) else {
      preconditionFailure("\(name) is no header name")
    }
    return field
  }
}
