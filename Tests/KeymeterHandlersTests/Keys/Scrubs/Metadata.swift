import Testing

@testable import KeymeterHandlers

/// A key's metadata by contract §3.
enum Metadata {
  /// All members, in the contract's order.
  static let names = [
    "id", "friendly_name", "created", "usage_limit", "monthly_stt_secs_limit", "monthly_token_limit", "root",
    "environment", "scopes", "expires_at", "status", "linkage_id", "key_hint", "last_used_at",
  ]

  /// The limits, in the order of the request body.
  static let limits = ["usage_limit", "monthly_token_limit", "monthly_stt_secs_limit"]

  /// Expects all members with their JSON types.
  static func expect(_ object: JSONObject, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(object.names == names, sourceLocation: sourceLocation)
    for name in ["id", "friendly_name", "environment", "status", "linkage_id", "key_hint"] {
      guard case .string(let text)? = object[name], !text.isEmpty else {
        Issue.record("\(name) is not a string", sourceLocation: sourceLocation)
        continue
      }
    }
    for name in limits {
      #expect(object[name] == .null || object[name]?.isWholeNumber == true, sourceLocation: sourceLocation)
    }
    for name in ["created", "expires_at", "last_used_at"] {
      #expect(object[name]?.isTimeOrNull == true, "\(name)", sourceLocation: sourceLocation)
    }
    #expect(object["created"] != .null, sourceLocation: sourceLocation)
    #expect(object["root"] == .bool(true) || object["root"] == .bool(false), sourceLocation: sourceLocation)
    guard case .array(let scopes)? = object["scopes"], !scopes.isEmpty, scopes.allSatisfy(\.isString) else {
      Issue.record("scopes is not an array of strings", sourceLocation: sourceLocation)
      return
    }
  }
}

extension JSONValue {
  fileprivate var isString: Bool { if case .string = self { true } else { false } }

  fileprivate var isWholeNumber: Bool {
    if case .number(let number) = self { number.text.allSatisfy(\.isNumber) } else { false }
  }

  /// RFC 3339 in UTC with whole seconds and `Z`.
  fileprivate var isTimeOrNull: Bool {
    switch self {
    case .null: true
    case .string(let text): text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil
    default: false
    }
  }
}
