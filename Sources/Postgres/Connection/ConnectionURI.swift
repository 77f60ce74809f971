/// What libpq makes of a connection URI, where it is not what somebody meant.
enum ConnectionURI {
  /// An `@` that libpq takes for something else than the end of the credentials.
  enum StrayAt: Equatable {
    /// For part of a host: behind the credentials, and before the next `/`.
    case inHost
    /// For part of the database's name, where it can be the end of a password with an `@` or `/` as well.
    case inDatabaseOrPassword
  }

  /// The `@` for which this is no URI to go by; nil where libpq reads it as it was meant.
  ///
  /// libpq ends the credentials at the first `@`, unless a `/` stands before it, and then there are none. So of a password with
  /// an `@` or `/` that is not percent-encoded it takes part for a host, a port or the database's name, and tells the former
  /// two, to name servers as well as in its messages. An `@` in the name of a database is as legal, and can't be told from
  /// that: but where no `:` comes before it there is no password that it could be the end of.
  ///
  /// Looked at as libpq does: byte by byte, whatever stands before the first `@` or `/`.
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
