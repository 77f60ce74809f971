import ArgumentParser
import KeymeterServer

/// The command line's root: `keymeter COMMAND` (contract §7).
@main
struct Keymeter: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keymeter",
    abstract: "Issues API keys and meters their use exactly.",
    discussion: """
      Settings come from flags, then from the environment: DATABASE_URL, KEYMETER_PEPPERS, KEYMETER_HOST,
      KEYMETER_PORT, KEYMETER_LOG_LEVEL, KEYMETER_LOG_FORMAT. DATABASE_URL_FILE and KEYMETER_PEPPERS_FILE
      name files that hold the value instead.
      """,
    version: "keymeter \(KeymeterVersion.current)",
    subcommands: [
      Serve.self, Dev.self, Migrate.self, Org.self, Key.self, Pepper.self, Audit.self, ReportCommand.self,
      Doctor.self,
    ])
}
