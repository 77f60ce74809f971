import ArgumentParser
import KeymeterRepository

/// `keymeter migrate`: brings the schema to what this binary needs.
struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the database's schema up to date.",
    discussion: """
      Several may run at once: they wait for each other. Forward only; a migration that has been applied is
      never edited.
      """)

  @Flag(help: "Show each migration and whether it is applied; change nothing.")
  var status = false

  @Flag(help: "Exit with 1 unless the schema is up to date; change nothing.")
  var check = false

  @OptionGroup var database: DatabaseOptions

  /// An index over a large table takes its time.
  private static let statementTimeout = Duration.seconds(3_600)

  func validate() throws {
    if status, check { throw ValidationError("--status and --check exclude each other.") }
  }

  func run() async throws {
    try await CommandFailure.reporting {
      // As the login: the roles may be yet to come, and the migrator becomes the owner where there is one.
      try await database.withPool(as: nil, statementTimeout: Self.statementTimeout) { pool in
        let migrator = Migrator(pool: pool)
        if status {
          show(try await migrator.state())
        } else if check {
          let state = try await migrator.state()
          guard state.isUsable else { throw CommandError(SchemaNotUsable(state: state).description) }
          print("The schema is up to date.")
        } else {
          let applied = try await migrator.migrate()
          for name in applied { print("applied \(name)") }
          if applied.isEmpty { print("The schema is up to date.") }
        }
      }
    }
  }

  private func show(_ state: SchemaState) {
    for step in state.steps {
      print("\(step.changed ? "CHANGED" : step.applied ? "applied" : "pending")  \(step.name)")
    }
    // What the ledger says rather than this binary: anything may stand there.
    for name in state.unknown { print("newer    \(name.showingInvisibles)") }
    for name in state.outdatedFunctions { print("pending  \(name)") }
  }
}
