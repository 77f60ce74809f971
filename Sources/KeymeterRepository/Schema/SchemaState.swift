/// The state of a database's schema compared with this binary's.
public struct SchemaState: Sendable {
  /// One migration and whether the database has it.
  public struct Step: Sendable {
    /// The file name.
    public let name: String
    /// Whether it has been applied.
    public let applied: Bool
    /// Whether the file differs from what was applied.
    public let changed: Bool
  }

  /// The migrations that this binary knows, in order.
  public let steps: [Step]
  /// Applied migrations that this binary does not know, because a newer node migrated.
  public let unknown: [String]
  /// Function files that were never applied or have changed since.
  public let outdatedFunctions: [String]

  /// The names of migrations that have not been applied.
  public var pending: [String] { steps.filter { !$0.applied }.map(\.name) }
  /// The names of applied migrations whose files have changed.
  public var changed: [String] { steps.filter(\.changed).map(\.name) }

  /// Whether this binary can use the schema: it is as new as the binary, or newer.
  ///
  /// After a newer node has migrated, differing functions are that node's and don't count.
  public var isUsable: Bool {
    pending.isEmpty && changed.isEmpty && (outdatedFunctions.isEmpty || !unknown.isEmpty)
  }
}

/// An applied migration differs from this binary's file with the same number.
public struct ChangedMigrationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file names.
  public let names: [String]

  /// Creates an error about these files.
  public init(names: [String]) { self.names = names }

  /// The files, and what to do.
  public var description: String {
    "\(names.joined(separator: ", ")) changed after being applied: restore the file and add a new migration"
  }
}
