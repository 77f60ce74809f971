/// What libpq makes of a connection URI, where it is not what somebody meant.
enum ConnectionURI {
  /// Whether an `@` stands where libpq takes it for part of a host or of the database's name.
  ///
  /// It does so of a password with an `@` or `/` that is not percent-encoded, and tells what it took for a host or a port, to
  /// name servers as well as in its messages. Looked at as libpq does: byte by byte, and by the first `@` or `/`, whatever
  /// stands before that.
  static func hasStrayAt(_ url: String) -> Bool {
    let bytes = Array(url.utf8)
    guard let scheme = ["postgresql://", "postgres://"].first(where: { bytes.starts(with: $0.utf8) }) else {
      return false
    }
    let rest = bytes.dropFirst(scheme.utf8.count)
    guard let first = rest.firstIndex(where: { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "/") }) else {
      return false
    }
    let behind = rest[first...].dropFirst().prefix { $0 != UInt8(ascii: "?") }
    return behind.contains(UInt8(ascii: "@"))
  }
}
