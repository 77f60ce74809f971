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
    var platform = PlatformOptions()
    if let account, account.differsFromCaller {
      platform.userID = account.userID
      platform.groupID = account.groupID
      platform.supplementaryGroups = [account.groupID]
    }
    // initdb removes what it made when it is asked to end rather than killed.
    platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let result = try await Subprocess.run(
      .path(.init(tool.string)),
      arguments: Arguments(arguments),
      environment: .custom(Self.environment(for: tool)),
      // The caller's directory may be closed to the server's user.
      workingDirectory: "/",
      platformOptions: platform,
      output: .string(limit: 1 << 20),
      error: .combinedWithOutput
    )
    return Outcome(succeeded: result.terminationStatus.isSuccess, output: result.standardOutput)
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
