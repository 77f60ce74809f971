import HTTPTypes

/// Every call as an honest client makes it.
///
/// Tests then put hostile input into it.
enum HostileCall: CaseIterable {
  case own, listAll, create, update, delete
  case scrubbeCreate, scrubbeList, rotate, revoke, scrubbeDelete
  case verify, verifySubpath, reserve, settle, record, usage, analytics, audit

  var method: HTTPRequest.Method {
    switch self {
    case .own, .listAll, .scrubbeList, .verify, .verifySubpath, .usage, .audit: .get
    case .update: .put
    case .delete, .scrubbeDelete: .delete
    case .create, .scrubbeCreate, .rotate, .revoke, .reserve, .settle, .record, .analytics: .post
    }
  }

  /// - Parameter id: the key's id, for a path that has one.
  func path(_ id: String) -> String {
    switch self {
    case .own, .listAll, .create, .update, .delete: "/api/v1/api-key"
    case .scrubbeCreate: "/api/v1/apikey/createapikey"
    case .scrubbeList: "/api/v1/apikey/apikeys"
    case .rotate: "/api/v1/apikey/\(id)/rotate"
    case .revoke: "/api/v1/apikey/\(id)/revoke"
    case .scrubbeDelete: "/api/v1/apikey/\(id)"
    case .verify: "/api/v1/verify"
    case .verifySubpath: "/api/v1/verify/orders/7"
    case .reserve: "/api/v1/usage/reserve"
    case .settle: "/api/v1/usage/settle"
    case .record: "/api/v1/usage/record"
    case .usage: "/api/v1/usage"
    case .analytics: "/api/v1/usage-analytics"
    case .audit: "/api/v1/audit"
    }
  }

  var namesKeyInPath: Bool { self == .rotate || self == .revoke || self == .scrubbeDelete }
  var isScrubs: Bool { [.own, .listAll, .create, .update, .delete].contains(self) }

  /// Every parameter of the call, with a valid value.
  func query(_ id: String) -> [(name: String, value: String)] {
    switch self {
    case .listAll: [("list_all", "true")]
    case .delete, .usage: [("id", id)]
    case .scrubbeList:
      [
        ("limit", "5"), ("cursor", "cur_0005f9a1b2c3d4e500000000000000000000"), ("environment", "PRODUCTION"),
        ("status", "ACTIVE"),
      ]
    case .verify:
      [
        ("requests", "1"), ("tokens", "0"), ("stt_secs", "0"), ("scope", "incidents:read"),
        ("environment", "PRODUCTION"), ("deny_status", "403"),
      ]
    case .audit:
      [
        ("action", "key.create"), ("target", id), ("since", "2024-01-15T10:30:00Z"), ("limit", "5"),
        ("cursor", "100"),
      ]
    default: []
    }
  }

  /// Every member of the body with a value in JSON, or `nil` for a call without a body.
  func members(_ id: String) -> [(name: String, value: String)]? {
    let quoted = "\"\(id)\""
    let amounts = [("requests", "1"), ("tokens", "2"), ("stt_secs", "3")]
    switch self {
    case .create:
      return [("friendly_name", "\"Till\"")] + Self.limits
        + [
          ("environment", "\"STAGING\""), ("scopes", #"["incidents:read"]"#),
          ("expires_at", "\"2099-01-01T00:00:00Z\""),
        ]
    case .update: return [("id", quoted), ("friendly_name", "\"Desk\"")] + Self.limits
    case .scrubbeCreate:
      return [
        ("name", "\"Till\""), ("environment", "\"PRODUCTION\""), ("scopes", #"["incidents:*"]"#),
        ("expiresAt", "\"2099-01-01T00:00:00Z\""), ("usageLimit", "1"), ("monthlyTokenLimit", "2"),
        ("monthlySttSecsLimit", "null"),
      ]
    case .rotate: return [("overlapSecs", "60")]
    case .revoke: return []
    case .reserve: return amounts + [("hold_secs", "60"), ("on_expiry", "\"release\"")]
    case .settle: return [("reservation_id", "\"rsv_00000000000000000000\"")] + amounts
    case .record: return amounts + [("event_id", "\"event-1\"")]
    case .analytics:
      return [
        ("start_date", "\"2024-01-15\""), ("end_date", "\"2024-02-15\""), ("api_key_ids", "[\(quoted)]"),
      ]
    default: return nil
    }
  }

  private static let limits = [
    ("usage_limit", "100"), ("monthly_token_limit", "null"), ("monthly_stt_secs_limit", "0"),
  ]

  /// The complete call by a root key.
  func request(of caller: HostileCaller, on id: String) -> HostileRequest {
    var request = HostileRequest(method: method, path: path(id), headers: [:])
    request.query = query(id).map { "\($0.name)=\(HostileRequest.encoded($0.value.utf8))" }
      .joined(separator: "&")
    if isScrubs {
      request.headers[.hostile("X-Scrubs-Clinic-Api-Key")] = caller.key
      request.headers[.hostile("X-Scrubs-Clinic-Provider")] = caller.provider
    } else {
      request.headers[.hostile("X-API-Key")] = caller.key
    }
    if let members = members(id) {
      request.headers[.contentType] = "application/json"
      request.body = Self.object(members)
    }
    return request
  }

  static func object(_ members: [(name: String, value: String)]) -> [UInt8] {
    let pairs = members.map { "\(HostileJSON.string($0.name)):\($0.value)" }
    return Array("{\(pairs.joined(separator: ","))}".utf8)
  }
}

/// The caller, which is authenticated: hostile input would be rejected at once otherwise.
struct HostileCaller: Sendable {
  let key: String
  let provider: String
  /// The ids of keys in the caller's organisation.
  let targets: [String]
}

extension HTTPField.Name {
  static func hostile(_ name: String) -> HTTPField.Name {
    guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header name") }
    return field
  }
}
