/// A database's schema compared with the one of this binary.
public struct SchemaState: Sendable {
  /// One migration and whether the database has it.
  public struct Step: Sendable {
    /// The file's name.
    public let name: String
    /// Whether it has been applied.
    public let applied: Bool
    /// Whether the file differs from what was applied.
    public let changed: Bool
  }

  /// The migrations that this binary knows, in order.
  public let steps: [Step]
  /// Applied migrations that this binary doesn't know, because a newer node migrated the database.
  public let unknown: [String]
  /// Function files that were never applied or have changed since they were.
  public let outdatedFunctions: [String]

  /// The names of migrations that are not applied yet.
  public var pending: [String] { steps.filter { !$0.applied }.map(\.name) }
  /// The names of applied migrations whose files were changed afterwards.
  public var changed: [String] { steps.filter(\.changed).map(\.name) }

  /// Whether this binary can serve: the schema is as new as the binary, or newer.
  ///
  /// After a newer node has migrated, different functions don't matter: they belong to the newer version.
  public var isUsable: Bool {
    pending.isEmpty && changed.isEmpty && (outdatedFunctions.isEmpty || !unknown.isEmpty)
  }
}

/// An applied migration differs from this binary's file with the same number.
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
