import Subprocess
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The OS user that the server runs as: the invoking user, or `postgres` if that is root.
struct ServerAccount: Sendable {
  let name: String
  let userID: UInt32
  let groupID: UInt32
  /// The name of the invoking user.
  let callerName: String

  /// True if commands must run as another user than the caller.
  var differsFromCaller: Bool { name != callerName }

  /// The OS users that may connect over the socket.
  var peers: Set<String> { [callerName, "root", name] }

  /// - Throws: ``PostgresClusterError/noServerAccount``, ``PostgresClusterError/namelessUser(id:)``.
  static func current() throws(PostgresClusterError) -> ServerAccount {
    let callerID = geteuid()
    guard let caller = lookUp({ getpwuid_r(callerID, $0, $1, $2, $3) }) else {
      throw .namelessUser(id: callerID)
    }
    var server = caller
    if callerID == 0 {
      guard let found = lookUp({ getpwnam_r("postgres", $0, $1, $2, $3) }), found.userID != 0 else {
        throw .noServerAccount
      }
      server = found
    }
    return ServerAccount(
      name: server.name, userID: server.userID, groupID: server.groupID, callerName: caller.name)
  }

  private typealias Entry = (name: String, userID: UInt32, groupID: UInt32)
  private typealias Query = (
    UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
    UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
  ) -> Int32

  /// Queries the user database, which can hold long entries if it is a directory service.
  private static func lookUp(_ query: Query) -> Entry? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65_536) { buffer -> Entry? in
      guard let base = buffer.baseAddress else { return nil }
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      guard query(&entry, base, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
        return nil
      }
      return (String(cString: name), entry.pw_uid, entry.pw_gid)
    }
  }
}

/// Runs a command to its end, in an empty environment: the caller's PGDATA, PGHOST or locale would mislead it.
enum Command {
  private static let environment: [Environment.Key: String] = [
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC",
  ]

  /// - Parameter account: the user to run as, nil for the caller.
  /// - Throws: ``PostgresClusterError/commandFailed(command:output:)`` with the command's output, or `CancellationError`.
  static func run(_ tool: FilePath, _ arguments: [String], as account: ServerAccount? = nil) async throws {
    var command = [tool.string] + arguments
    if let account, account.differsFromCaller {
      // Not swift-subprocess' `userID`: version 1.0.2 then calls setgroups between clone and exec, which can hang.
      let identity = ["--reuid=\(account.userID)", "--regid=\(account.groupID)", "--clear-groups", "--"]
      command = ["/usr/bin/setpriv"] + identity + command
    }
    if let output = try await outputIfFailed(command) {
      try Task.checkCancellation()
      throw PostgresClusterError.commandFailed(command: tool.string, output: output)
    }
  }

  /// What the command printed, nil if it succeeded.
  private static func outputIfFailed(_ command: [String]) async throws -> String? {
    var platform = PlatformOptions()
    // initdb removes its files if it is terminated and not killed.
    platform.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(3))]
    let result = try await Subprocess.run(
      .path(.init(command[0])), arguments: Arguments(Array(command.dropFirst())),
      environment: .custom(environment),
      // The server's user may have no access to the caller's directory.
      workingDirectory: "/", platformOptions: platform,
      output: .string(limit: 1 << 20), error: .combinedWithOutput)
    return result.terminationStatus.isSuccess ? nil : result.standardOutput
  }
}
