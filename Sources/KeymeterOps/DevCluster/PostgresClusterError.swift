package import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a private cluster can't be used.
///
/// Each description says what to do about it.
///
/// No case holds a password: the quoted output comes from PostgreSQL's tools and log.
package enum PostgresClusterError: Error, Sendable, Equatable {
  /// No directory holds `initdb`, `pg_ctl` and `postgres`.
  case binariesNotFound
  /// `KEYMETER_PG_BIN` names a directory without these programs.
  case binariesMissing(directory: FilePath, names: [String])
  /// This process runs as root, and there is no OS user `postgres`.
  case noServerAccount
  /// Peer authentication needs a name, and the user database has none for this id.
  case namelessUser(id: UInt32)
  /// The path has a character that a shell would expand.
  case invalidPath(FilePath)
  /// A command failed.
  case commandFailed(command: String, output: String)
  /// The server did not become ready. The output ends with the last lines of its log.
  case startFailed(output: String)
  /// The server still ran after an immediate shutdown.
  case stopFailed(dataDirectory: FilePath)
  /// A file operation failed.
  case file(operation: String, path: FilePath, reason: String)
}

extension PostgresClusterError: CustomStringConvertible {
  /// What happened, and what to do about it.
  package var description: String {
    switch self {
    case .binariesNotFound:
      "PostgreSQL was not found (initdb, pg_ctl and postgres in one directory). Install it "
        + "(Debian: apt install postgresql; macOS: brew install postgresql@17) "
        + "or set KEYMETER_PG_BIN to its bin directory."
    case .binariesMissing(let directory, let names):
      "KEYMETER_PG_BIN is \(directory), which has no executable \(names.joined(separator: ", ")). "
        + "Set it to PostgreSQL's bin directory, or unset it."
    case .noServerAccount:
      "PostgreSQL can't run as root, and the OS user `postgres` does not exist. "
        + "Create it (useradd --system postgres) or run as an ordinary user."
    case .namelessUser(let id):
      "User id \(id) has no name in the user database, and PostgreSQL needs one. "
        + "Add it to /etc/passwd or run as a named user."
    case .invalidPath(let path):
      "PostgreSQL's tools can't handle a path with one of the characters \" $ ` \\: \(path). Choose another directory."
    case .commandFailed(let command, let output):
      "\(command) failed:\n\(output)"
    case .startFailed(let output):
      "PostgreSQL did not start. Correct what its log reports and start again:\n\(output)"
    case .stopFailed(let data):
      "PostgreSQL did not stop. End the process named in \(data.appending("postmaster.pid"))."
    case .file(let operation, let path, let reason):
      "Could not \(operation) \(path): \(reason)."
    }
  }
}

extension PostgresClusterError {
  /// The error of a system call that just failed.
  static func lastError(_ operation: String, _ path: FilePath) -> PostgresClusterError {
    .file(operation: operation, path: path, reason: "\(Errno(rawValue: errno))")
  }
}
