/// The texts of `pg_hba.conf` and `pg_ident.conf`.
enum AccessFiles {
  /// Peer authentication by the map on the socket; a password over TCP.
  static let hostRules = """
    # Written by keymeter at each start.
    local all all peer map=keymeter
    local replication all peer map=keymeter
    host all all 127.0.0.1/32 scram-sha-256

    """

  /// One line for each OS user and role, because PostgreSQL 15 can't map a user to all roles.
  static func userMap(peers: [String], roles: [String]) -> Set<String> {
    var lines: Set<String> = []
    for peer in peers {
      for role in roles { lines.insert("keymeter \(quoted(peer)) \(quoted(role))") }
    }
    return lines
  }

  /// The file of these lines, always in the same order.
  static func text(_ lines: Set<String>) -> String {
    "# Written by keymeter at each start.\n" + lines.sorted().map { $0 + "\n" }.joined()
  }

  /// The lines of a file that ``text(_:)`` made.
  static func lines(of text: String) -> Set<String> {
    Set(text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { String($0) })
  }

  private static func quoted(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
