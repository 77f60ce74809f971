import HTTPTypes

/// What a request's first line asks for (RFC 9112, section 3.2).
public enum RequestTarget {
  /// Stands for a target whose form is unknown, which is not to be looked at.
  public static let unknown = ""

  /// Whether a target has a form in which a request may have it: a path, an address of `http` or `https`, `*` with
  /// OPTIONS, a host and port with CONNECT.
  ///
  /// In any other, such as `*://host/path`, a proxy may see no path where this server sees one, and so pass on what it
  /// was told not to.
  public static func hasKnownForm(_ target: String, method: String) -> Bool {
    let bytes = target.utf8
    // No form has a fragment; some programs take it for part of the path, and some for none.
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

  /// The same of a request that has none where it is CONNECT.
  static func hasKnownForm(_ request: HTTPRequest) -> Bool {
    hasKnownForm(request.path ?? "/", method: request.method.rawValue)
  }
}
