import ArgumentParser
import KeymeterDomain
import KeymeterOps
import KeymeterRepository
import KeymeterServer
import Postgres

/// Reports a failed command: one line on standard error, and an exit code as in sysexits(3).
enum CommandFailure {
  static let usage = ExitCode(64)
  static let dataError = ExitCode(65)
  static let unavailable = ExitCode(69)
  static let software = ExitCode(70)
  static let configuration = ExitCode(78)

  /// Runs a command's work and converts its errors to a line and an exit code.
  static func reporting(_ work: () async throws -> Void) async throws {
    do {
      try await work()
    } catch let exit as ExitCode {
      throw exit
    } catch {
      let (line, code) = explanation(of: error)
      StandardStream.error.write(line: "keymeter: \(line.oneLine.showingInvisibles)")
      throw code
    }
  }

  private static func explanation(of error: any Error) -> (line: String, code: ExitCode) {
    switch error {
    case let error as SettingError: (error.description, configuration)
    case let error as SchemaNotUsable: (error.description, configuration)
    case let mismatch as PepperMismatch: (sentence(for: mismatch), configuration)
    case let error as UnfitRoleError: (error.description, configuration)
    case let error as OwnerRequired: (error.description, configuration)
    case let failure as ValidationFailure:
      (failure.errors.map { "\($0.field) \($0.message)" }.joined(separator: "; "), dataError)
    case let rejection as Rejection: (sentence(for: rejection), ExitCode(1))
    case let error as ChangedMigrationError: (error.description, ExitCode(1))
    case let error as PostgresClusterError: (error.description, unavailable)
    case StoreError.unavailable(let reason): ("the database is unavailable: \(reason)", unavailable)
    // The operator at the command line has the database's credentials, so the server's full message is safe
    // to show.
    case let error as PostgresError: (error.debugDescription, error.isUnavailable ? unavailable : software)
    case let error as CommandError: (error.description, ExitCode(1))
    case let error as ListenError: (error.description, ExitCode(1))
    case let error as DevDirectoryError: (error.description, ExitCode(1))
    default: (String(describing: error), software)
    }
  }

  private static func sentence(for mismatch: PepperMismatch) -> String {
    let ids = mismatch.ids.map { "'\($0)'" }.joined(separator: ", ")
    return "KEYMETER_PEPPERS has different bytes for the id \(ids) than this database was used with"
  }

  private static func sentence(for rejection: Rejection) -> String {
    switch rejection {
    case .organisationNotFound: "no organisation has this provider id"
    case .providerTaken: "another organisation has this provider id"
    default: "rejected: \(rejection)"
    }
  }
}

/// An error that ends a command, with a message for the operator.
struct CommandError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
