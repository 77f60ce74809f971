import ArgumentParser
import KeymeterServer
import Logging

/// The options of the commands that run a server.
struct ServerOptions: ParsableArguments {
  @Option(help: "The address to listen on. Default: KEYMETER_HOST, or 127.0.0.1.")
  var host: String?

  @Option(help: "The port to listen on, or 0 for a free one. Default: KEYMETER_PORT, or 8080.")
  var port: String?

  @Option(help: "The log level. Default: KEYMETER_LOG_LEVEL, or info.")
  var logLevel: String?

  @Option(help: "The log format, json or text. Default: KEYMETER_LOG_FORMAT, or text.")
  var logFormat: String?

  func logger(_ source: SettingsSource) throws -> Logger {
    let settings = try LogSettings(source, level: logLevel, format: logFormat)
    LoggingSystem.bootstrap { label in
      LineLogHandler(label: label, level: settings.level, format: settings.format)
    }
    return Logger(label: "keymeter")
  }
}

/// `keymeter serve`: serves the API until it receives SIGTERM or SIGINT.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve the API.",
    discussion: "Shuts down gracefully on SIGTERM and SIGINT: requests in flight are completed.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    try await CommandFailure.reporting {
      let source = SettingsSource.process
      let logger = try server.logger(source)
      let listen = try ListenSettings(source, host: server.host, port: server.port)
      let keymeter = KeymeterServer(
        database: try DatabaseSettings(source, url: database.databaseURL),
        listen: listen, peppers: try source.peppers(), leakReporter: try source.leakReporter(),
        authentication: try AuthFailureSettings(source), logger: logger)
      try await keymeter.run { port in
        logger.notice(
          "listening", metadata: ["host": .string(listen.host), "port": .stringConvertible(port)])
      }
    }
  }
}
