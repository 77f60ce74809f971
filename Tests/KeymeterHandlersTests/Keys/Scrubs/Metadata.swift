import Testing

@testable import KeymeterHandlers

/// What contract §3 says of a key's metadata.
enum Metadata {
  /// Every member, in the contract's order.
  static let names = [
    "id", "friendly_name", "created", "usage_limit", "monthly_stt_secs_limit", "monthly_token_limit", "root",
    "environment", "scopes", "expires_at", "status", "linkage_id", "key_hint", "last_used_at",
  ]

  /// The members that are limits, in the order in which a body names them.
  static let limits = ["usage_limit", "monthly_token_limit", "monthly_stt_secs_limit"]

  /// Holds an object to be metadata: all members, each of its JSON type.
  static func expect(_ object: JSONObject, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(object.names == names, sourceLocation: sourceLocation)
    for name in ["id", "friendly_name", "environment", "status", "linkage_id", "key_hint"] {
      guard case .string(let text)? = object[name], !text.isEmpty else {
        Issue.record("\(name) is no text", sourceLocation: sourceLocation)
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
      Issue.record("scopes is no array of texts", sourceLocation: sourceLocation)
      return
    }
  }
}

extension JSONValue {
  fileprivate var isString: Bool { if case .string = self { true } else { false } }

  fileprivate var isWholeNumber: Bool {
    if case .number(let number) = self { number.text.allSatisfy(\.isNumber) } else { false }
  }

  /// RFC 3339 in UTC, whole seconds, `Z`.
  fileprivate var isTimeOrNull: Bool {
    switch self {
    case .null: true
    case .string(let text): text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil
    default: false
    }
  }
}
