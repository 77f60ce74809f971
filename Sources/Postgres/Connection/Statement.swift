/// One SQL statement and the name it is known by.
///
/// The name goes into errors and logs in place of the SQL. It is never sent to the server as an identifier, so it
/// may have any length and need not be unique: two statements are the same only if name and SQL both are.
public struct Statement: Sendable, Hashable {
  /// What errors and logs call this statement.
  public let name: String
  /// The SQL text, with parameters written `$1`, `$2`, ….
  public let sql: String

  /// Makes a statement.
  ///
  /// - Parameters:
  ///   - name: What errors and logs call it.
  ///   - sql: One SQL command, with parameters written `$1`, `$2`, ….
  public init(_ name: String, _ sql: String) {
    self.name = name
    self.sql = sql
  }

  /// Hashes the name alone: names differ in practice, and hashing the SQL at each execution would cost more.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
  }
}
