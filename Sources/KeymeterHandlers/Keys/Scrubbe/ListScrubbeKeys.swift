import Hummingbird
import KeymeterDomain

/// `GET /api/v1/apikey/apikeys`: the organisation's keys, page by page, without secrets.
struct ListScrubbeKeys: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let page = try await keys.page(
      { try Self.listing(in: QueryParameters(of: request)) }, by: context.call())
    return ScrubbeEnvelope.success("API keys retrieved successfully") { envelope in
      envelope.array("data") { data in
        for key in page.keys { data.object { $0.scrubbeMetadata(key) } }
      }
      envelope.object("pagination") { pagination in
        pagination.member("limit", page.limit)
        pagination.member("nextCursor", page.next.map { KeyCursor($0).text })
      }
    }.response
  }

  private static func listing(in query: QueryParameters) throws -> KeyListing {
    try query.allow(["limit", "cursor", "environment", "status"])
    var violations: [FieldViolation] = []
    func value<Value>(_ name: String, _ rule: String, _ read: (String) -> Value?) throws -> Value? {
      guard let text = try query.single(name) else { return nil }
      guard let value = read(text) else {
        violations.append(FieldViolation(field: name, message: rule))
        return nil
      }
      return value
    }
    let limits = KeyListing.limits
    let limit = try value(
      "limit", "must be a whole number from \(limits.lowerBound) to \(limits.upperBound)"
    ) { text in
      text.utf8.count <= 3 ? Int(digits: text).flatMap { limits.contains($0) ? $0 : nil } : nil
    }
    let position = try value("cursor", "must be the nextCursor of a page") { KeyCursor($0)?.position }
    let environment = try value("environment", "must be one of PRODUCTION, STAGING, DEVELOPMENT") {
      KeyEnvironment(rawValue: $0)
    }
    let status = try value("status", "must be one of ACTIVE, EXPIRED, REVOKED") { KeyStatus(rawValue: $0) }
    guard violations.isEmpty else { throw RequestRejection.invalidQuery(violations) }
    return KeyListing(
      filter: KeyFilter(environment: environment, status: status), after: position,
      limit: limit ?? KeyListing.defaultLimit)
  }
}
