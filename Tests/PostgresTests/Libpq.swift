import CLibpq

/// libpq's own parser of connection strings.
enum Libpq {
  /// The settings in a connection string by keyword, or nil if libpq can't parse it.
  static func parts(of url: String) -> [String: String]? {
    guard let options = PQconninfoParse(url, nil) else { return nil }
    defer { PQconninfoFree(options) }
    var parts: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { parts[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return parts
  }
}
