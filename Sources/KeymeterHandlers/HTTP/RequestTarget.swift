import HTTPTypes

/// The target in the request line (RFC 9112, section 3.2).
public enum RequestTarget {
  /// Replaces a target of unknown form, so that no code interprets it.
  public static let unknown = ""

  /// Whether a target has a valid form: a path, an `http` or `https` URL, `*` with OPTIONS, or host and port with CONNECT.
  ///
  /// In other forms, such as `*://host/path`, a proxy may see no path where this server sees one. The proxy's path rules
  /// would not apply.
  public static func hasKnownForm(_ target: String, method: String) -> Bool {
    let bytes = target.utf8
    // No form has a fragment. Some programs treat it as part of the path, others drop it.
    guard !bytes.contains(UInt8(ascii: "#")) else { return false }
    if bytes.first == UInt8(ascii: "/") { return true }
    switch method {
    case "CONNECT": return !bytes.contains(UInt8(ascii: "/"))
    case "OPTIONS" where target == "*": return true
    default:
      let start = String(decoding: bytes.prefix("https://".utf8.count), as: UTF8.self).lowercased()
      return start.hasPrefix("http://") || start == "https://"
    }
  }

  /// Whether a request's target has a valid form.
  ///
  /// It is absent with CONNECT.
  static func hasKnownForm(_ request: HTTPRequest) -> Bool {
    hasKnownForm(request.path ?? "/", method: request.method.rawValue)
  }
}
