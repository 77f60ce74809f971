import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The signals that a postmaster understands, under the names of what they do.
enum Signals {
  static let reload = SIGHUP
  static let resume = SIGCONT
  static let stopImmediately = SIGQUIT
}

extension ClusterControl {
  /// Starts the server and waits until it answers.
  ///
  /// pg_ctl gives it a session of its own (`setsid`), so a Ctrl-C in the terminal does not reach it.
  func launch(_ arguments: ServerArguments) async throws {
    try ClusterLocation(account: account).prepareSocketDirectory(layout.socketDirectory)
    try Files.write(AccessFiles.hostRules, to: layout.hostRules, owner: account)
    try Files.write(AccessFiles.text(mapLines), to: layout.userMap, owner: account)
    try Files.touch(layout.log, owner: account)
    // The other processes of a killed server take a moment to notice; until then a start is refused.
    let patience: Duration = Postmaster.crashed(in: layout.data) ? Bounds.crashAftermath : .zero
    let deadline = ContinuousClock.now + patience
    Postmaster.discardMisleadingRecord(in: layout.data)
    while true {
      let before = Files.status(of: layout.log)?.size ?? 0
      if try await startOnce(arguments) { return }
      guard ContinuousClock.now < deadline else {
        throw EmbeddedPostgresError.startFailed(log: layout.log, lastLines: logTail(from: before))
      }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func startOnce(_ arguments: ServerArguments) async throws -> Bool {
    try await runner.run(
      binaries.control,
      [
        "start", "-w", "-t", String(Bounds.start.components.seconds), "-D", layout.data.string,
        "-l", layout.log.string, "-o", arguments.shellQuoted,
      ],
      // pg_ctl keeps the bound itself; this one is for a pg_ctl that hangs.
      within: Bounds.start + .seconds(10)
    ).succeeded
  }

  /// Stops the server, each time less gently until it is gone; nothing to do if none runs.
  func halt(_ mode: PostgresCluster.StopMode) async throws {
    var output = ""
    for mode in PostgresCluster.StopMode.allCases.drop(while: { $0 != mode }) {
      guard let running = Postmaster.running(in: layout.data) else { return }
      // A server that a fault test froze would never see the order.
      running.signal(Signals.resume)
      let bound: Duration = mode == .immediate ? .seconds(15) : .seconds(30)
      let seconds = String(bound.components.seconds)
      let outcome = try await runner.run(
        binaries.control,
        ["stop", "-w", "-t", seconds, "-D", layout.data.string, "-m", mode.rawValue],
        within: bound + .seconds(5)
      )
      if outcome.succeeded { return }
      output = LogTail.lastLines(of: outcome.output)
    }
    guard Postmaster.running(in: layout.data) == nil else {
      throw EmbeddedPostgresError.stopFailed(dataDirectory: layout.data, output: output)
    }
  }

  /// The last lines that the server logged since an offset.
  func logTail(from offset: Int) -> String {
    let size = Files.status(of: layout.log)?.size ?? 0
    return LogTail.lastLines(of: Files.read(layout.log, from: max(offset, size - 16_384)) ?? "")
  }

  /// Removes every file of the cluster; only the locks stay, which others may be waiting for.
  func removeAll() async throws {
    try await discardIncomplete()
    // Under /tmp somebody else may have taken the name.
    if Files.status(of: layout.socketDirectory)?.owner == account.userID {
      try await removeTree(layout.socketDirectory)
    }
    if layout.isRelocated {
      try await removeTree(layout.location)
      unlink(layout.link.string)
    } else {
      for path in [layout.data, layout.log, layout.password, layout.hostRules, layout.userMap] {
        try await removeTree(path)
      }
    }
  }
}

/// The end of a text, for an error to show.
enum LogTail {
  static func lastLines(of text: String) -> String {
    text.split(separator: "\n").suffix(20).joined(separator: "\n")
  }
}
