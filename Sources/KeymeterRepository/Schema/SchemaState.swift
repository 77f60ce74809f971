/// How a database's schema stands against the one that this binary was built with.
public struct SchemaState: Sendable {
  /// One migration and whether the database has it.
  public struct Step: Sendable {
    /// The file's name.
    public let name: String
    /// Whether it has been applied.
    public let applied: Bool
    /// Whether the file's text is no longer what was applied.
    public let changed: Bool
  }

  /// The migrations that this binary knows, in order.
  public let steps: [Step]
  /// Migrations that the database has and this binary does not know: a newer node migrated it.
  public let unknown: [String]
  /// Function files that were never applied or have changed since.
  public let outdatedFunctions: [String]

  /// The names of migrations that wait to be applied.
  public var pending: [String] { steps.filter { !$0.applied }.map(\.name) }
  /// The names of applied migrations whose files were changed afterwards.
  public var changed: [String] { steps.filter(\.changed).map(\.name) }

  /// Whether a server of this binary can work on the schema: it is as new as the binary, or newer.
  ///
  /// Functions that differ don't count once a newer node has migrated: they are that node's.
  public var isUsable: Bool {
    pending.isEmpty && changed.isEmpty && (outdatedFunctions.isEmpty || !unknown.isEmpty)
  }
}

/// A migration that this binary would apply differs from the one that the database has under its number.
public struct ChangedMigrationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The files' names.
  public let names: [String]

  /// An error about the named files.
  public init(names: [String]) { self.names = names }

  /// Says which files, and what to do.
  public var description: String {
    "\(names.joined(separator: ", ")) changed after being applied: restore the file and add a new migration"
  }
}
