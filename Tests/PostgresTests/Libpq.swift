import CLibpq

/// What libpq itself makes of a connection string.
enum Libpq {
  /// The parts that it names, by keyword; nil where libpq can't parse it.
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
