import ArgumentParser
import KeymeterOps
import KeymeterServer

/// `keymeter doctor`: checks everything that a server needs, without changing anything.
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check settings, database and machine.",
    discussion: """
      Run it where the server runs, with the server's settings. Prints one line per check: ok, warn, fail or skip, its
      name, what it found, and what to do. Exits with 0 if no check fails, 1 if one does, and 78 if a setting is invalid.
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Exit with 1 on warnings too.")
  var strict = false

  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let asJSON = json
    let settings = NodeSettings(.process, databaseURL: database.databaseURL)
    let doctor = DoctorRun(settings: settings) { finding in
      if !asJSON { StandardStream.output.write(line: finding.line) }
    }
    let report = await doctor.run()
    if asJSON { StandardStream.output.write(line: try jsonText(report)) }
    throw exitCode(report)
  }

  /// 0, 1 or 78 (contract §7).
  private func exitCode(_ report: DoctorReport) -> ExitCode {
    if report.settingsAreUnusable { return CommandFailure.configuration }
    return ExitCode(report.status == .fail || strict && report.status == .warn ? 1 : 0)
  }
}
