import ArgumentParser
import KeymeterDomain
import KeymeterRepository
import KeymeterServer
import Postgres

/// `keymeter pepper …`: manages the peppers, the secrets that keys are hashed with.
struct Pepper: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Count the keys of each pepper, and generate a new one.",
    subcommands: [Status.self, Rotate.self])
}

extension Pepper {
  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List each pepper and how many keys need it.",
      discussion: """
        current: hashes new keys. active: existing keys are still accepted, and are rehashed with the current pepper when
        they are used. retired: not in KEYMETER_PEPPERS, so its keys are rejected. mismatched: KEYMETER_PEPPERS has
        different bytes for this id than the database was used with.
        """)

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    /// It reads every key.
    private static let statementTimeout = Duration.seconds(600)

    func run() async throws {
      try await CommandFailure.reporting {
        let peppers = try SettingsSource.process.peppers()
        let status = try await database.withPool(as: .app, statementTimeout: Self.statementTimeout) { pool in
          let state = try await Migrator(pool: pool).state()
          guard state.isUsable else { throw SchemaNotUsable(state: state) }
          return try await PepperService(store: PostgresPepperStore(pool: pool), peppers: peppers).status()
        }
        if json {
          print(try jsonText(status.map(PepperLine.init)))
        } else {
          try status.map(\.output).print(
            asJSON: false, columns: ["pepper_id", "state", "keys", "first_seen"])
        }
      }
    }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Generate a new pepper and print the steps of the rotation.",
      discussion: "Changes neither the database nor any setting.")

    @Option(
      help: """
        Write the current peppers and the new one to this file (mode 0600) instead of printing the new one. The file
        must not exist. It is the KEYMETER_PEPPERS_FILE of the first step.
        """)
    var file: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      try await CommandFailure.reporting {
        let source = SettingsSource.process
        let present = try source.value("KEYMETER_PEPPERS")
        let former = present == nil ? [] : try source.peppers().ids
        let new = NewPepper(beside: former)
        if let file { try new.write(beside: present, to: file) }
        let plan = PepperPlan(new: new, former: former, file: file)
        print(json ? try jsonText(plan) : plan.text)
      }
    }
  }
}

/// One line of `keymeter pepper status --json`.
private struct PepperLine: Encodable {
  let pepper_id: String
  let state: String
  let keys: Int64
  let first_seen: String?

  init(_ status: PepperStatus) {
    pepper_id = status.id
    state = status.state.rawValue
    keys = status.keys
    first_seen = status.firstSeen?.rfc3339
  }
}

extension PepperStatus {
  fileprivate var output: Output {
    [
      ("pepper_id", id), ("state", state.rawValue), ("keys", String(keys)),
      ("first_seen", firstSeen?.rfc3339 ?? "-"),
    ]
  }
}
