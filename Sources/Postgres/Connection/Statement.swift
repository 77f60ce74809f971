/// One SQL statement and its name.
///
/// Errors and logs show the name instead of the SQL. It is never sent to the server as an identifier, so it
/// may have any length and need not be unique. Two statements are equal only if both name and SQL are.
public struct Statement: Sendable, Hashable {
  /// The name in errors and logs.
  public let name: String
  /// The SQL text, with parameters written `$1`, `$2`, ….
  public let sql: String

  /// Creates a statement.
  ///
  /// - Parameters:
  ///   - name: The name in errors and logs.
  ///   - sql: One SQL command, with parameters written `$1`, `$2`, ….
  public init(_ name: String, _ sql: String) {
    self.name = name
    self.sql = sql
  }

  /// Hashes only the name.
  ///
  /// Names differ in practice, and hashing the SQL at each execution would cost more.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
  }
}
