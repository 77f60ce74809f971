import FoundationEssentials
package import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private PostgreSQL cluster in a directory, created on the first start.
///
/// The server runs as the invoking OS user, or as `postgres` if that is root. It has its own session. So Ctrl-C does not
/// reach it, and it runs until it is stopped, even if this process is killed. Only one process at a time may use a directory:
/// ``DevDirectory`` holds the lock.
package struct PostgresCluster: Sendable {
  /// What the server is started with.
  package struct Options: Sendable {
    /// Further server settings.
    ///
    /// The cluster's address, port, socket and access files take precedence.
    package var settings: [String: String]
    /// The TCP port on 127.0.0.1, for logins with a password.
    ///
    /// Nil for the unix socket only.
    package var tcpPort: Int?
    /// The roles besides `postgres` that the invoking OS user may connect as over the socket.
    ///
    /// They are not created.
    package var roles: [String]

    package init(settings: [String: String] = [:], tcpPort: Int? = nil, roles: [String] = []) {
      self.settings = settings
      self.tcpPort = tcpPort
      self.roles = roles
    }
  }

  /// How the server treats connected clients when it stops.
  package enum StopMode: String, Sendable {
    /// Rolls back open transactions and disconnects the clients.
    case fast
    /// Stops without a checkpoint. The next start recovers.
    case immediate
  }

  package let directory: FilePath
  package let options: Options
  private let binaries: PostgresBinaries

  /// Names a cluster.
  ///
  /// Nothing is created before ``start()``.
  package init(directory: FilePath, binaries: PostgresBinaries, options: Options = Options()) {
    self.directory = FilePath(FileManager.default.currentDirectoryPath).pushing(directory)
      .lexicallyNormalized()
    self.binaries = binaries
    self.options = options
  }

  /// Where clusters go if the server's user can't enter their directory.
  package static let sharedRoot: FilePath = "/var/lib/keymeter/clusters"

  /// The directory of the cluster's files: the given one, or one below ``sharedRoot`` that ``start()`` has created.
  package var location: FilePath {
    let shared = Self.sharedRoot.appending(stableName)
    return !exists(directory.appending("data")) && exists(shared) ? shared : directory
  }

  /// The server's data directory, which also holds the socket and the log.
  package var dataDirectory: FilePath { location.appending("data") }
  package var logFile: FilePath { dataDirectory.appending("server.log") }

  /// The server's process id, nil if it does not run.
  package var postmasterPID: Int32? { Postmaster.running(in: dataDirectory) }

  /// The directory of the unix socket: the data directory, or one below `/tmp` if that path can't be used.
  package var socketDirectory: FilePath {
    let path = dataDirectory.string
    // The setting is a comma-separated list, and a socket's path has at most 107 bytes (103 on macOS).
    let isUsable =
      !path.contains { $0.isWhitespace || $0 == "," } && "\(path)/.s.PGSQL.65535".utf8.count <= 103
    return isUsable ? dataDirectory : FilePath("/tmp/keymeter-\(stableName)")
  }

  /// A libpq URI over the unix socket, for which the invoking OS user needs no password.
  package func connectionURL(database: String, role: String = "postgres") -> String {
    "postgresql://\(role)@/\(database)?host=\(percentEncoded(socketDirectory.string))&port=\(port)"
  }

  /// The TCP port.
  ///
  /// Without TCP it is only part of the socket's name.
  private var port: Int { options.tcpPort ?? 5432 }

  /// A name that depends only on the path (FNV-1a), so that every run finds the same directories.
  private var stableName: String {
    let hash = directory.string.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }
}

extension PostgresCluster {
  /// Creates the cluster if it is missing, and returns once the server accepts connections.
  ///
  /// A server that a killed process left running is restarted, and crash recovery takes place if the server was killed.
  ///
  /// - Throws: ``PostgresClusterError``, `CancellationError`.
  package func start() async throws {
    // pg_ctl puts paths into a shell command.
    guard !directory.string.contains(where: { "\"$`\\\n".contains($0) }) else {
      throw PostgresClusterError.invalidPath(directory)
    }
    let account = try ServerAccount.current()
    try createDirectory(directory, mode: account.differsFromCaller ? 0o711 : 0o700)
    try await makeReachable(account)
    if !exists(dataDirectory) { try await initialise(account) }
    try await stop(.fast, as: account)
    try await launch(account)
  }

  /// Stops the server if it runs, immediately if it does not stop within 30 seconds.
  ///
  /// - Throws: ``PostgresClusterError/stopFailed(dataDirectory:)``.
  package func stop(_ mode: StopMode = .fast) async throws {
    // A task that shuts down is often cancelled already.
    try await Task { try await stop(mode, as: ServerAccount.current()) }.value
  }

  private func stop(_ mode: StopMode, as account: ServerAccount) async throws {
    for mode in mode == .fast ? [StopMode.fast, .immediate] : [.immediate] {
      guard let processID = postmasterPID else { return }
      // A suspended process does not handle other signals.
      kill(processID, SIGCONT)
      do {
        try await Command.run(
          binaries.control, ["stop", "-w", "-t", "30", "-D", dataDirectory.string, "-m", mode.rawValue],
          as: account)
      } catch is PostgresClusterError {
        // The server may have ended in the meantime.
      }
    }
    guard postmasterPID == nil else { throw PostgresClusterError.stopFailed(dataDirectory: dataDirectory) }
  }

  /// Chooses a directory below ``sharedRoot`` if the server's user can't enter the given one, for example below `/root`.
  private func makeReachable(_ account: ServerAccount) async throws {
    guard account.differsFromCaller, location == directory, !exists(dataDirectory) else { return }
    do {
      // Mode bits show neither ACLs nor the directories above, so the kernel is asked.
      try await Command.run("/bin/sh", ["-c", "cd -- \"$1\"", "sh", directory.string], as: account)
    } catch is PostgresClusterError {
      try createDirectory(Self.sharedRoot.appending(stableName), mode: 0o711)
    }
  }

  /// Runs initdb under a temporary name, so that an interrupted initdb leaves no data directory.
  private func initialise(_ account: ServerAccount) async throws {
    let prefix = "data.new-"
    for name in try FileManager.default.contentsOfDirectory(atPath: location.string)
    where name.hasPrefix(prefix) {
      try await Command.run("/bin/rm", ["-rf", "--", location.appending(name).string])
    }
    // Unique, because the initdb of a killed process may still be writing to an older one.
    let draft = location.appending(prefix + String(UInt32.random(in: 0 ... .max)))
    try createPrivateDirectory(draft, account)
    var arguments = [
      "--pgdata=\(draft)", "--username=postgres", "--encoding=UTF8", "--auth=peer", "--data-checksums",
    ]
    #if os(Linux)
      // Sorts by code point, and knows which characters are letters.
      arguments.append("--locale=C.UTF-8")
    #else
      arguments.append("--locale=C")
    #endif
    if options.settings["fsync"] == "off" { arguments.append("--no-sync") }
    try await Command.run(binaries.initdb, arguments, as: account)
    guard rename(draft.string, dataDirectory.string) == 0 else {
      throw PostgresClusterError.lastError("create", dataDirectory)
    }
  }

  private func launch(_ account: ServerAccount) async throws {
    try write(hostRules, to: location.appending("pg_hba.conf"))
    try write(userMap(account), to: location.appending("pg_ident.conf"))
    if socketDirectory != dataDirectory { try createPrivateDirectory(socketDirectory, account) }
    // The other processes of a killed server take a moment to release its shared memory.
    let wasKilled = exists(Postmaster.record(in: dataDirectory))
    let deadline = ContinuousClock.now + (wasKilled ? .seconds(15) : .zero)
    Postmaster.discardStaleRecord(in: dataDirectory)
    let arguments = [
      "start", "-w", "-t", "60", "-D", dataDirectory.string, "-l", logFile.string, "-o", serverArguments,
    ]
    while true {
      do {
        return try await Command.run(binaries.control, arguments, as: account)
      } catch PostgresClusterError.commandFailed(_, let output) {
        guard ContinuousClock.now < deadline else {
          throw PostgresClusterError.startFailed(output: "\(output)\n\(logTail)")
        }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// The server's options, quoted for the shell that pg_ctl starts.
  private var serverArguments: String {
    var settings = options.settings
    settings["listen_addresses"] = options.tcpPort == nil ? "" : "127.0.0.1"
    settings["port"] = String(port)
    settings["unix_socket_directories"] = socketDirectory.string
    settings["hba_file"] = location.appending("pg_hba.conf").string
    settings["ident_file"] = location.appending("pg_ident.conf").string
    return settings.sorted { $0.key < $1.key }
      .map { "-c '" + "\($0.key)=\($0.value)".replacing("'", with: "'\\''") + "'" }
      .joined(separator: " ")
  }

  private var hostRules: String {
    """
    # Written by keymeter at each start.
    local all all peer map=keymeter
    host all all 127.0.0.1/32 scram-sha-256

    """
  }

  /// One line for each OS user and role, because PostgreSQL 15 can't map a user to all roles.
  private func userMap(_ account: ServerAccount) -> String {
    account.peers.sorted().flatMap { peer in
      (["postgres"] + options.roles).map { role in "keymeter \"\(peer)\" \"\(role)\"\n" }
    }.joined()
  }

  private var logTail: String {
    guard let log = FileManager.default.contents(atPath: logFile.string) else { return "" }
    return String(decoding: log.suffix(16_384), as: UTF8.self).split(separator: "\n").suffix(20).joined(
      separator: "\n")
  }
}

extension PostgresCluster {
  private func exists(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }

  private func createDirectory(_ path: FilePath, mode: Int) throws(PostgresClusterError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
    } catch {
      throw .file(operation: "create", path: path, reason: "\(error)")
    }
  }

  /// Creates a directory that only the server's user may enter.
  ///
  /// Anyone can create one below `/tmp` first, so an existing one must already be like that.
  private func createPrivateDirectory(_ path: FilePath, _ account: ServerAccount) throws(PostgresClusterError)
  {
    if mkdir(path.string, 0o700) == 0 {
      guard lchown(path.string, account.userID, account.groupID) == 0 else {
        throw .lastError("change the owner of", path)
      }
    } else if errno != EEXIST {
      throw .lastError("create", path)
    }
    var found = stat()
    guard lstat(path.string, &found) == 0, found.st_mode & S_IFMT == S_IFDIR, found.st_mode & 0o077 == 0,
      found.st_uid == account.userID
    else {
      throw .file(operation: "use", path: path, reason: "it is not a private directory of \(account.name)")
    }
  }

  /// Writes a file that the server's user may read.
  private func write(_ text: String, to path: FilePath) throws(PostgresClusterError) {
    do {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
        permissions: [.ownerReadWrite])
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
    } catch {
      throw .file(operation: "write", path: path, reason: "\(error)")
    }
    guard chmod(path.string, 0o644) == 0 else { throw .lastError("set the mode of", path) }
  }

  /// Leaves only RFC 3986's unreserved characters as they are.
  private func percentEncoded(_ text: String) -> String {
    text.utf8.map { byte in
      let scalar = Unicode.Scalar(byte)
      let isUnreserved =
        scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789-._~".unicodeScalars.contains(scalar))
      return isUnreserved
        ? String(Character(scalar)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }
}
