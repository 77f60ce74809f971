/// What libpq makes of a connection URI, where it is not what somebody meant.
enum ConnectionURI {
  /// Whether an `@` stands where libpq takes it for part of a host or of the database's name.
  ///
  /// It does so of a password with an `@` or `/` that is not percent-encoded, and tells what it took for a host or a port, to
  /// name servers as well as in its messages.
  static func hasStrayAt(_ url: String) -> Bool {
    guard let scheme = ["postgresql://", "postgres://"].first(where: url.hasPrefix) else { return false }
    let beforeQuery = url.dropFirst(scheme.count).prefix { $0 != "?" }
    guard let first = beforeQuery.firstIndex(of: "@") else { return false }
    return beforeQuery[..<first].contains("/") || beforeQuery[first...].dropFirst().contains("@")
  }
}
