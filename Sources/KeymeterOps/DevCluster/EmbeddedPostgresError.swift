public import SystemPackage

/// What can go wrong with a private cluster; each description says what to do about it.
///
/// No case carries a password: commands receive theirs in a file, and only the server's own log is quoted.
public enum EmbeddedPostgresError: Error, Sendable, Equatable {
  /// No directory that was looked at holds `initdb`, `pg_ctl` and `postgres`.
  case binariesNotFound
  /// `KEYMETER_PG_BIN` (or another candidate) names binaries that can't be used.
  case binariesUnusable(directory: FilePath, reason: String)
  /// The process runs as root, which PostgreSQL refuses, and no OS user `postgres` exists.
  case noServerAccount
  /// The invoking user's id has no name in the user database; peer authentication needs one.
  case namelessUser(id: UInt32)
  /// An option can't be passed on safely.
  case invalidOption(String)
  /// The data directory was created by another major version.
  case versionMismatch(dataDirectory: FilePath, cluster: String, binaries: Int)
  /// The files belong to an OS user that the server would not run as.
  case wrongOwner(path: FilePath, owner: UInt32, expected: String)
  /// The OS user that runs the server can't enter the directory.
  case unreachable(path: FilePath, user: String)
  /// The server already runs, with other settings, and another process uses it.
  case inUseWithOtherSettings(dataDirectory: FilePath)
  /// Another process held the directory's lock for longer than the bound.
  case locked(path: FilePath)
  /// `initdb` failed; the text is what it printed.
  case initialisationFailed(output: String)
  /// The server did not become ready; the text is the last lines of its log.
  case startFailed(log: FilePath, lastLines: String)
  /// The server was still there after an immediate shutdown.
  case stopFailed(dataDirectory: FilePath, output: String)
  /// A command did not end within its bound and was killed.
  case timedOut(command: String, seconds: Int64)
  /// A file operation failed.
  case fileSystem(operation: String, path: FilePath, reason: String)
}

extension EmbeddedPostgresError: CustomStringConvertible {
  /// What happened, and what to do about it.
  public var description: String {
    switch self {
    case .binariesNotFound, .binariesUnusable, .noServerAccount, .namelessUser, .invalidOption:
      requirementDescription
    case .versionMismatch, .wrongOwner, .unreachable, .inUseWithOtherSettings, .locked:
      directoryDescription
    default:
      operationDescription
    }
  }

  /// The cases that are settled by installing or configuring something.
  private var requirementDescription: String {
    switch self {
    case .binariesNotFound:
      "PostgreSQL was not found (initdb, pg_ctl and postgres in one directory). Install it "
        + "(Debian: apt install postgresql; macOS: brew install postgresql@17) "
        + "or set KEYMETER_PG_BIN to its bin directory."
    case .binariesUnusable(let directory, let reason):
      "The PostgreSQL binaries in \(directory) can't be used: \(reason). "
        + "Set KEYMETER_PG_BIN to a directory that holds initdb, pg_ctl and postgres, or unset it."
    case .noServerAccount:
      "PostgreSQL refuses to run as root, and the OS user `postgres` does not exist. "
        + "Create it (useradd --system postgres), install the PostgreSQL package that does, "
        + "or run as an ordinary user."
    case .namelessUser(let id):
      "User id \(id) has no name in the user database, and PostgreSQL needs one. "
        + "Add it to /etc/passwd or run as a named user."
    case .invalidOption(let reason):
      "The cluster's options can't be used: \(reason)."
    default: ""
    }
  }

  /// The cases that are settled by looking at the cluster's directory.
  private var directoryDescription: String {
    switch self {
    case .versionMismatch(let data, let cluster, let binaries):
      "The cluster in \(data) was made by PostgreSQL \(cluster), but the binaries are version \(binaries). "
        + "Set KEYMETER_PG_BIN to the binaries of version \(cluster), or move the directory away to start empty."
    case .wrongOwner(let path, let owner, let expected):
      "\(path) belongs to user id \(owner), but the server would run as `\(expected)`. "
        + "Run as the user that created it, or choose another directory."
    case .unreachable(let path, let user):
      "The OS user `\(user)`, which runs the server, can't enter \(path). "
        + "Make its parent directories enterable (chmod o+x) or choose another directory."
    case .inUseWithOtherSettings(let data):
      "The server of \(data) runs with other settings and another process uses it. "
        + "Stop that process, or use the same settings."
    case .locked(let path):
      "Another process has been starting or stopping this cluster for too long (it holds \(path)). "
        + "Wait for it or end it, then try again."
    default: ""
    }
  }

  /// The cases in which a command or a system call failed.
  private var operationDescription: String {
    switch self {
    case .initialisationFailed(let output):
      "initdb failed; correct what it reports and start again:\n\(output)"
    case .startFailed(let log, let lastLines):
      "PostgreSQL did not start; correct what its log reports and start again. Last lines of \(log):\n\(lastLines)"
    case .stopFailed(let data, let output):
      "PostgreSQL in \(data) did not stop, not even immediately; end the process named in "
        + "\(data.appending("postmaster.pid")):\n\(output)"
    case .timedOut(let command, let seconds):
      "\(command) did not end within \(seconds) s and was killed. Check the machine's load and disk, then try again."
    case .fileSystem(let operation, let path, let reason):
      "Could not \(operation) \(path): \(reason). Check the permissions and the free space there."
    default: ""
    }
  }
}
