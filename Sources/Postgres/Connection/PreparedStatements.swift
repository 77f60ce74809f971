/// The statements that one connection has prepared, and their names on the server.
///
/// Names are generated and never reused. So a statement with a stale plan can be prepared again under a new
/// name, and PostgreSQL's limit of 63 bytes for names doesn't matter.
///
/// Names also differ between connections: behind a pooler that shares sessions, a name used by two clients
/// could run the wrong statement.
struct PreparedStatements {
  struct Entry {
    let serverName: String
    /// The parameter types it was prepared with.
    let types: [UInt32]
  }

  /// Dynamic SQL must not fill the server's memory.
  ///
  /// Statements beyond this limit are not prepared.
  static let maximumCount = 256

  private let ownName = String(UInt64.random(in: .min ... .max), radix: 36)
  private var entries: [Statement: Entry] = [:]
  private var namesGiven = 0

  subscript(statement: Statement) -> Entry? { entries[statement] }

  var isFull: Bool { entries.count >= Self.maximumCount }

  /// A name that no session of the server has seen.
  mutating func freshName() -> String {
    namesGiven += 1
    return "s\(namesGiven)_\(ownName)"
  }

  mutating func insert(_ statement: Statement, _ entry: Entry) {
    entries[statement] = entry
  }

  /// Forgets a statement, so that the next execution prepares it again.
  mutating func remove(_ statement: Statement) {
    entries[statement] = nil
  }
}
