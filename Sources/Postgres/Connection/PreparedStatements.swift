/// Which statements one connection has prepared on its server, and under which names.
///
/// Names are made here and never used twice, so that a statement whose plan went stale can be prepared anew beside
/// its old self, and because PostgreSQL cuts names off at 63 bytes. Nor does any other connection use them: where a pooler
/// hands the server's sessions around, a name that means another statement there would run that one.
struct PreparedStatements {
  struct Entry {
    let serverName: String
    /// The parameters' types it was prepared for.
    let types: [UInt32]
  }

  /// SQL that is put together at run time must not fill the server's memory; what exceeds this is not prepared.
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

  /// Forgets a statement, so that its next execution prepares it again.
  mutating func remove(_ statement: Statement) {
    entries[statement] = nil
  }
}
