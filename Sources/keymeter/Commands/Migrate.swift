import ArgumentParser
import KeymeterRepository
import KeymeterServer

/// `keymeter migrate`: migrates the schema to this binary's version.
struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Migrate the database's schema to this version.",
    discussion: """
      Several can run at once: they wait for each other. Migrations only go forward, and an applied migration is
      never edited.
      """)

  @Flag(help: "List the migrations and whether each is applied, without changing anything.")
  var status = false

  @Flag(help: "Exit with 1 unless the schema is up to date, without changing anything.")
  var check = false

  @OptionGroup var database: DatabaseOptions

  /// Building an index on a large table takes long.
  private static let statementTimeout = Duration.seconds(3_600)

  func validate() throws {
    if status, check { throw ValidationError("--status and --check can't be combined.") }
  }

  func run() async throws {
    try await CommandFailure.reporting {
      // Connects as the login, because the roles may not exist yet. The migrator switches to the owner role
      // if it exists.
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
    // These names come from the ledger, not from this binary, so they may contain anything.
    for name in state.unknown { print("newer    \(name.showingInvisibles)") }
    for name in state.outdatedFunctions { print("pending  \(name)") }
  }
}
