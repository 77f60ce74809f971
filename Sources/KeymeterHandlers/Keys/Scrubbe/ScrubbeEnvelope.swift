import HTTPTypes
import Hummingbird
import KeymeterDomain

/// The Scrubbe dialect's envelope (contract §4).
enum ScrubbeEnvelope {
  static let basePath = "/api/v1/apikey"

  /// Whether a path, served or not, is the dialect's.
  ///
  /// Problems there use its envelope.
  static func covers(path: String) -> Bool {
    let segments = path.split(separator: "/", omittingEmptySubsequences: true)
    return segments.starts(with: basePath.split(separator: "/"))
  }

  /// `{"success":true,"message":…}` and the members that `body` adds, beginning with `data`.
  static func success(
    _ message: String, status: HTTPResponse.Status = .ok, _ body: (inout JSONObjectWriter) -> Void
  ) -> BufferedResponse {
    .json(status) { envelope in
      envelope.member("success", true)
      envelope.member("message", message)
      body(&envelope)
    }
  }

  /// The response that shows a new secret once.
  static func issued(
    _ message: String, _ issued: IssuedKey, status: HTTPResponse.Status = .ok
  ) -> BufferedResponse {
    success(message, status: status) { envelope in
      envelope.object("data") { $0.scrubbeMetadata(issued.key, secret: issued.secret) }
    }
  }
}

extension KeymeterRequestContext {
  /// The key id of the path.
  ///
  /// It may not exist.
  var keyID: KeyID { KeyID(rawValue: parameters.get("id") ?? "") }
}

extension Request {
  /// - Throws: `RequestRejection.invalidQuery` for any parameter.
  func requireNoQuery() throws { try QueryParameters(of: self).allow([]) }
}

extension JSONObjectWriter {
  /// Writes a key's metadata: always all members, those of the published reference first (contract §4), and
  /// `allowedCidrs` if the key has a list.
  ///
  /// - Parameter secret: a new secret, shown only this once, under both of its published names.
  mutating func scrubbeMetadata(_ key: APIKey, secret: KeySecret? = nil) {
    member("id", key.id.rawValue)
    member("name", key.friendlyName.rawValue)
    member("environment", key.environment.rawValue)
    member("scopes", key.scopes.map(\.rawValue))
    member("expiresAt", key.expiresAt?.rfc3339)
    member("createdAt", key.createdAt.rfc3339)
    member("status", key.status.rawValue)
    if let secret {
      member("key", secret.revealed)
      member("rawKey", secret.revealed)
    }
    member("root", key.root)
    member("usageLimit", key.limits.requests)
    member("monthlyTokenLimit", key.limits.tokens)
    member("monthlySttSecsLimit", key.limits.speechSeconds)
    member("linkageId", key.linkageID.rawValue)
    member("keyHint", key.hint)
    member("revokedAt", key.revokedAt?.rfc3339)
    member("lastUsedAt", key.lastUsedAt?.rfc3339)
    if let allowed = key.allowedAddresses { member("allowedCidrs", allowed.ranges.map(\.description)) }
  }
}
