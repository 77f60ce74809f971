import ArgumentParser
import KeymeterDomain
import KeymeterRepository

/// `keymeter org …`: manages organisations.
struct Org: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create, list, show, rename and delete organisations.",
    subcommands: [Create.self, List.self, Show.self, Rename.self, Delete.self])
}

/// The organisation that a command acts on.
struct ProviderOption: ParsableArguments {
  @Option(name: .customLong("provider-id"), help: "The organisation's public id.")
  var rawProviderID: String

  var providerID: ProviderID {
    get throws { try ProviderID(validating: rawProviderID) }
  }
}

extension Org {
  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Create an organisation and print its first root key once.")

    @OptionGroup var provider: ProviderOption

    @Option(help: "A human-readable name.")
    var name: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await CommandFailure.reporting {
        let id = try provider.providerID
        let label = try Label(validating: name, field: "name")
        let (organisation, rootKey) = try await database.withOrganisations(as: .owner, makesKeys: true) {
          try await $0.create(provider: id, name: label)
        }
        let output: Output = [
          ("organisation_id", organisation.id.rawValue),
          ("provider_id", organisation.providerID.rawValue),
          ("name", organisation.name.rawValue),
          ("root_key_id", rootKey.key.id.rawValue),
          ("root_key", rootKey.secret.revealed),
        ]
        try output.print(asJSON: json)
        if !json { print("Store the root key now. It is not shown again.") }
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List every organisation.")

    @Flag(help: "Print a JSON array.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await CommandFailure.reporting {
        let organisations = try await database.withOrganisations(as: .owner) { try await $0.list() }
        try organisations.map(\.output).print(
          asJSON: json, columns: ["provider_id", "organisation_id", "name", "created"])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one organisation and its keys.")

    @OptionGroup var provider: ProviderOption

    @Flag(help: "Print one JSON object, without the keys.")
    var json = false

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await CommandFailure.reporting {
        let id = try provider.providerID
        let (organisation, keys) = try await database.withOrganisations(as: .app) { try await $0.show(id) }
        try organisation.output.print(asJSON: json)
        if !json {
          print("")
          try keys.map(\.output).print(asJSON: false, columns: Key.columns)
        }
      }
    }
  }

  struct Rename: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Rename an organisation.")

    @OptionGroup var provider: ProviderOption

    @Option(help: "The new name.")
    var name: String

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      try await CommandFailure.reporting {
        let id = try provider.providerID
        let label = try Label(validating: name, field: "name")
        try await database.withOrganisations(as: .owner) { try await $0.rename(id, to: label) }
        print("Renamed.")
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Delete an organisation with all its keys.",
      discussion: "Its keys stop working at once. Its audit log is kept.")

    @OptionGroup var provider: ProviderOption

    @Flag(help: "Confirm the deletion.")
    var yes = false

    @OptionGroup var database: DatabaseOptions

    func validate() throws {
      if !yes { throw ValidationError("Deleting an organisation ends all its keys. Confirm with --yes.") }
    }

    func run() async throws {
      try await CommandFailure.reporting {
        let id = try provider.providerID
        try await database.withOrganisations(as: .owner) { try await $0.delete(id) }
        print("Deleted.")
      }
    }
  }
}

extension Organisation {
  fileprivate var output: Output {
    [
      ("provider_id", providerID.rawValue), ("organisation_id", id.rawValue), ("name", name.rawValue),
      ("created", createdAt.rfc3339),
    ]
  }
}
