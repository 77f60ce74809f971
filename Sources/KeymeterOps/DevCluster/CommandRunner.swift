import Subprocess
import SystemPackage

/// Runs one command to its end as the server's user, in a clean environment and within a bound.
struct CommandRunner: Sendable {
  /// What a command left behind.
  struct Outcome: Sendable {
    let succeeded: Bool
    /// Standard output and standard error as they came.
    let output: String
  }

  /// The user to become; nil to stay who we are.
  let account: ServerAccount?

  /// Runs the command, and kills it after `bound` or when the task is cancelled.
  func run(_ tool: FilePath, _ arguments: [String], within bound: Duration) async throws -> Outcome {
    try await withThrowingTaskGroup(of: Outcome?.self) { group in
      group.addTask { try await invoke(tool, arguments) }
      group.addTask {
        try await Task.sleep(for: bound)
        return nil
      }
      defer { group.cancelAll() }
      let first = try await group.next() ?? nil
      try Task.checkCancellation()
      guard let outcome = first else {
        throw EmbeddedPostgresError.timedOut(command: tool.string, seconds: bound.components.seconds)
      }
      return outcome
    }
  }

  private func invoke(_ tool: FilePath, _ arguments: [String]) async throws -> Outcome {
    let command = command(tool, arguments)
    // initdb removes what it made when it is asked to end rather than killed.
    var platform = command.platform
    platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let result = try await Subprocess.run(
      .path(.init(command.executable.string)),
      arguments: Arguments(command.arguments),
      environment: .custom(Self.environment(for: tool)),
      // The caller's directory may be closed to the server's user.
      workingDirectory: "/",
      platformOptions: platform,
      output: .string(limit: 1 << 20),
      error: .combinedWithOutput
    )
    return Outcome(succeeded: result.terminationStatus.isSuccess, output: result.standardOutput)
  }

  /// The command that becomes the account and then the tool.
  ///
  /// On Linux `setpriv` changes the user, not swift-subprocess: with `userID` version 1.0.2 clones without
  /// glibc's fork and calls its setgroups in the child, which then waits for ever on a thread that was just
  /// being created in the parent (seen about once in a hundred runs), and the caller blocks with it.
  private func command(
    _ tool: FilePath, _ arguments: [String]
  ) -> (executable: FilePath, arguments: [String], platform: PlatformOptions) {
    var platform = PlatformOptions()
    guard let account, account.differsFromCaller else { return (tool, arguments, platform) }
    let setpriv: FilePath = "/usr/bin/setpriv"
    guard Files.isExecutable(setpriv) else {
      platform.userID = account.userID
      platform.groupID = account.groupID
      platform.supplementaryGroups = [account.groupID]
      return (tool, arguments, platform)
    }
    let identity = ["--reuid=\(account.userID)", "--regid=\(account.groupID)", "--clear-groups", "--"]
    return (setpriv, identity + [tool.string] + arguments, platform)
  }

  /// Nothing of the caller's: its PGDATA, PGPORT, PGHOST or locale would mislead the tools.
  private static func environment(for tool: FilePath) -> [Environment.Key: String] {
    [
      "PATH": "\(tool.removingLastComponent()):/usr/bin:/bin",
      "LANG": "C.UTF-8",
      // Without it initdb compares every zone file with the machine's clock.
      "TZ": "UTC",
    ]
  }
}
