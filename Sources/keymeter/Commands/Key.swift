import ArgumentParser
import KeymeterDomain
import KeymeterRepository

/// `keymeter key …`: creates root keys and lists all keys.
struct Key: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create root keys and list keys.", subcommands: [CreateRoot.self, List.self])

  static let columns = ["id", "root", "status", "environment", "key_hint", "created", "friendly_name"]
}

extension Key {
  struct CreateRoot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create another root key and print it once.",
      discussion: "For an organisation that has lost its root key.")

    @OptionGroup var provider: ProviderOption

    @Option(help: "A human-readable name.")
    var name = "Root key"

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await CommandFailure.reporting {
        let id = try provider.providerID
        let label = try Label(validating: name, field: "name")
        let issued = try await database.withOrganisations(as: .app, makesKeys: true) {
          try await $0.createRootKey(id, name: label)
        }
        let output: Output = [
          ("provider_id", id.rawValue),
          ("root_key_id", issued.key.id.rawValue),
          ("root_key", issued.secret.revealed),
        ]
        try output.print(asJSON: json)
        if !json { print("Store the root key now. It is not shown again.") }
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List an organisation's keys.")

    @OptionGroup var provider: ProviderOption

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await CommandFailure.reporting {
        let id = try provider.providerID
        let keys = try await database.withOrganisations(as: .app) { try await $0.show(id).keys }
        try keys.map(\.output).print(asJSON: json, columns: Key.columns)
      }
    }
  }
}

extension APIKey {
  var output: Output {
    [
      ("id", id.rawValue), ("root", root ? "yes" : "no"), ("status", status.rawValue),
      ("environment", environment.rawValue), ("key_hint", hint), ("created", createdAt.rfc3339),
      ("friendly_name", friendlyName.rawValue),
    ]
  }
}
