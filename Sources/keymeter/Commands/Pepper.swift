import ArgumentParser
import KeymeterDomain
import KeymeterRepository
import Postgres

/// `keymeter pepper …`: the secrets that the keys' hashes are made with.
struct Pepper: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "See which pepper guards how many keys, and draw a new one.",
    subcommands: [Status.self, Rotate.self])
}

extension Pepper {
  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List each pepper and how many keys need it.",
      discussion: """
        current: makes the hashes of new keys. active: keys are looked up by it too, and move to the current one when
        they are used. retired: not in KEYMETER_PEPPERS; keys that need it are refused. mismatched: KEYMETER_PEPPERS has
        other bytes under this id than the database was used with.
        """)

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    /// It looks at every key.
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
      abstract: "Draw a new pepper, and say what to do with it.",
      discussion: "Changes nothing, neither in the database nor in any setting.")

    @Option(
      help: """
        Write the value for KEYMETER_PEPPERS_FILE that the first step needs, which are the present peppers and the new
        one, to this file (mode 0600) instead of printing the new one. The file must not exist.
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
