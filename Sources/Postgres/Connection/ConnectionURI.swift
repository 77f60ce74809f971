/// Detects connection URIs that libpq would parse differently from what the operator meant.
enum ConnectionURI {
  /// An `@` that does not end the credentials, as libpq parses the URI.
  enum StrayAt: Equatable {
    /// Part of a host: after the credentials and before the next `/`.
    case inHost
    /// Part of the database's name. It may also be the end of a password that contains `@` or `/`.
    case inDatabaseOrPassword
  }

  /// Finds an unescaped `@` or `/` in a password that libpq would parse as host, port or database name.
  ///
  /// libpq ends the credentials at the first `@`, but only if no `/` comes before it. A password with an
  /// unescaped `@` or `/` would then leak part of itself to DNS and into libpq's error messages.
  ///
  /// A lone `@` in a database name is legal and looks the same. It is accepted only if no `:` precedes it,
  /// because then there is no password that it could end. Like libpq, this scans bytes.
  ///
  /// - Returns: The stray `@`, or nil if the URI is unambiguous.
  static func strayAt(in url: String) -> StrayAt? {
    let bytes = Array(url.utf8)
    guard let scheme = ["postgresql://", "postgres://"].first(where: { bytes.starts(with: $0.utf8) }) else {
      return nil
    }
    let rest = bytes.dropFirst(scheme.utf8.count)
    guard let first = rest.firstIndex(where: { $0 == at || $0 == slash }) else { return nil }
    let behind = rest[first...].dropFirst().prefix { $0 != UInt8(ascii: "?") }
    guard let last = behind.lastIndex(of: at) else { return nil }
    if rest[first] == at, behind.prefix(while: { $0 != slash }).contains(at) { return .inHost }
    return rest[..<last].contains(UInt8(ascii: ":")) ? .inDatabaseOrPassword : nil
  }

  private static let at = UInt8(ascii: "@")
  private static let slash = UInt8(ascii: "/")
}
