import SystemPackage

/// The steps of a cluster's life; whoever calls them holds the directory's lock.
struct ClusterControl: Sendable {
  let binaries: PostgresBinaries
  let options: PostgresCluster.Options
  let layout: ClusterLayout
  let account: ServerAccount

  var runner: CommandRunner { CommandRunner(account: account) }

  /// Creates the cluster if there is none and leaves the server running and ready.
  func bringUp() async throws {
    let arguments = try ServerArguments(options, layout)
    if Files.exists(layout.data) {
      try checkData()
    } else {
      try await initialise()
    }
    if let running = try await settledPostmaster() {
      if arguments.areThoseOfTheRunningServer { return try adopt(running) }
      // Left behind with other settings. Restarting is only right if nobody else works with it.
      guard let sole = try FileLock.tryAcquire(layout.inUse, .exclusive) else {
        throw EmbeddedPostgresError.inUseWithOtherSettings(dataDirectory: layout.data)
      }
      defer { sole.release() }
      try await halt(.fast)
    }
    try await launch(arguments)
  }

  private func checkData() throws {
    guard let status = Files.status(of: layout.data), status.owner == account.userID else {
      let owner = Files.status(of: layout.data)?.owner ?? 0
      throw EmbeddedPostgresError.wrongOwner(path: layout.data, owner: owner, expected: account.name)
    }
    let version = Files.read(layout.data.appending("PG_VERSION"))?.split(separator: "\n").first
    guard let version, version == String(binaries.majorVersion) else {
      throw EmbeddedPostgresError.versionMismatch(
        dataDirectory: layout.data, cluster: version.map { String($0) } ?? "unknown",
        binaries: binaries.majorVersion)
    }
    if options.tcpPort != nil, !Files.exists(layout.password) {
      throw EmbeddedPostgresError.fileSystem(
        operation: "find the TCP password in", path: layout.password, reason: "it was removed")
    }
  }

  /// Waits while a server is between two states; nil if there is none, or once a stopping one is gone.
  ///
  /// A killed server still looks ready until the kernel has taken it down, so it must answer; a frozen one
  /// is thawed for it.
  private func settledPostmaster() async throws -> Postmaster? {
    let deadline = ContinuousClock.now + Bounds.start
    while let running = Postmaster.running(in: layout.data) {
      if running.phase == .ready {
        running.signal(Signals.resume)
        if let socket = running.socket, try await ServerProbe.answers(socket) { return running }
      }
      guard ContinuousClock.now < deadline else {
        throw EmbeddedPostgresError.startFailed(log: layout.log, lastLines: logTail(from: 0))
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    return nil
  }

  /// Adds the roles of this caller to those of the process that started the server.
  private func adopt(_ running: Postmaster) throws {
    let present = AccessFiles.lines(of: Files.read(layout.userMap) ?? "")
    let wanted = present.union(mapLines)
    guard wanted != present else { return }
    try Files.write(AccessFiles.text(wanted), to: layout.userMap, owner: account)
    running.signal(Signals.reload)
  }

  var mapLines: Set<String> {
    AccessFiles.userMap(peers: account.peers, roles: ["postgres"] + options.roles)
  }
}

/// How long each step may take before it counts as failed.
enum Bounds {
  static let lock: Duration = .seconds(180)
  static let initialisation: Duration = .seconds(120)
  static let start: Duration = .seconds(60)
  /// How long the processes of a killed server may hold its shared memory.
  static let crashAftermath: Duration = .seconds(15)
}
