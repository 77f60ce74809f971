import ArgumentParser
import KeymeterDomain
import KeymeterOps
import KeymeterServer
import Logging

/// `keymeter dev`: runs everything on one machine, with a private database.
struct Dev: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve with a private PostgreSQL cluster.",
    discussion: """
      Starts a cluster in the data directory, migrates it, creates a demo organisation on the first run, and
      serves. DATA-DIR/env holds the settings for every other command: set -a; . DATA-DIR/env; set +a
      """)

  @Option(help: "The directory for the cluster and its secrets.")
  var dataDir = ".keymeter"

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await CommandFailure.reporting {
      let source = SettingsSource.process
      let logger = try server.logger(source)
      let listen = try ListenSettings(source, host: server.host, port: server.port)
      let directory = try DevDirectory.open(dataDir)
      let peppers = try directory.peppers()
      let environment = DevEnvironment(
        directory: directory, listen: listen, peppers: (setting: peppers, set: try Self.parse(peppers)),
        authentication: try AuthFailureSettings(source),
        leakReporter: try source.leakReporter(), logger: logger)
      try await environment.run()
    }
  }

  private static func parse(_ peppers: String) throws -> PepperSet {
    try SettingsSource(environment: ["KEYMETER_PEPPERS": peppers]).peppers()
  }
}
