import KeymeterTesting
import Subprocess
import Synchronization
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process that a test starts: the `keymeter` of this build, or a gateway in front of it.
final class ServerProcess: Sendable {
  let processID: pid_t
  /// Its standard output and standard error.
  let logFile: FilePath
  private let ending: Task<TerminationStatus, any Error>
  private let hasEnded: Shared<Bool>

  private init(
    processID: pid_t, logFile: FilePath, ending: Task<TerminationStatus, any Error>, hasEnded: Shared<Bool>
  ) {
    self.processID = processID
    self.logFile = logFile
    self.ending = ending
    self.hasEnded = hasEnded
  }

  /// The `keymeter` executable next to the test bundle.
  static var executable: FilePath {
    get throws {
      var buffer = [CChar](repeating: 0, count: 4_096)
      let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
      guard length > 0 else { throw TestFailure("cannot find the test's executable") }
      let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return FilePath(path).removingLastComponent().appending("keymeter")
    }
  }

  /// Starts a program with only the given environment.
  ///
  /// - Parameters:
  ///   - program: `nil` for `keymeter`.
  ///   - shell: a script that starts it, as `"$@"`: `ulimit -n 1000; exec "$@"`.
  static func start(
    _ arguments: [String], environment: [String: String], in directory: FilePath = "/tmp",
    program: FilePath? = nil, shell: String? = nil
  ) async throws -> ServerProcess {
    let logFile = FilePath("/tmp/keymeter-test-log-\(getpid())-\(serial.withLock { $0 += 1; return $0 })")
    let log = try FileDescriptor.open(
      logFile, .readWrite, options: [.create, .truncate, .closeOnExec], permissions: [.ownerReadWrite])
    let (processIDs, continuation) = AsyncStream.makeStream(of: pid_t.self)
    let variables = environment.merging(["PATH": "/usr/local/bin:/usr/bin:/bin"]) { given, _ in given }
    let executable = try program ?? Self.executable
    let command: (path: FilePath, arguments: [String]) =
      if let shell {
        ("/bin/bash", ["-euc", shell, "bash", executable.string] + arguments)
      } else {
        (executable, arguments)
      }
    let hasEnded = Shared(false)
    let ending = Task {
      defer {
        hasEnded.value = true
        continuation.finish()
      }
      return try await run(
        .path(command.path), arguments: Arguments(command.arguments),
        environment: .custom(
          Dictionary(
            uniqueKeysWithValues: variables.map { (Environment.Key(stringLiteral: $0.key), $0.value) })),
        workingDirectory: directory, input: .none,
        output: .fileDescriptor(log, closeAfterSpawningProcess: true), error: .combinedWithOutput
      ) { execution in
        continuation.yield(execution.processIdentifier.value)
      }.terminationStatus
    }
    for await processID in processIDs {
      return ServerProcess(processID: processID, logFile: logFile, ending: ending, hasEnded: hasEnded)
    }
    _ = try await ending.value
    throw TestFailure("\(executable) did not start")
  }

  private static let serial = Mutex(0)

  /// Its output so far.
  var log: String {
    get throws {
      let file = try FileDescriptor.open(logFile, .readOnly, options: [.closeOnExec])
      return try file.closeAfter { String(decoding: try file.readToEnd(), as: UTF8.self) }
    }
  }

  /// Waits until the log matches, and returns the match's first group.
  func wait(for pattern: sending Regex<(Substring, Substring)>) async throws -> String {
    let end = ContinuousClock.now + patience
    while ContinuousClock.now < end {
      if let match = try log.firstMatch(of: pattern) { return String(match.1) }
      guard isRunning else { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    if let match = try log.firstMatch(of: pattern) { return String(match.1) }
    throw TestFailure("the log never matched:\n\(try log)")
  }

  /// Whether it has not exited yet.
  var isRunning: Bool { !hasEnded.value }

  func signal(_ number: Int32) { kill(processID, number) }

  /// Waits until it exits.
  func ended() async throws -> TerminationStatus {
    // Awaiting the task itself would ignore the timeout, because the wait for its value cannot be cancelled.
    _ = try await eventually("a process to exit") { self.isRunning ? nil : true }
    return try await ending.value
  }

  /// Kills it if it still runs, and removes its log.
  func discard() async {
    // Another process may have got the id of one that has exited.
    if isRunning { kill(processID, SIGKILL) }
    _ = try? await ending.value
    unlink(logFile.string)
  }
}

extension ServerProcess {
  /// Runs a `keymeter` command to its end.
  static func output(
    of arguments: [String], environment: [String: String]
  ) async throws -> (output: String, code: Int32) {
    let process = try await start(arguments, environment: environment)
    let status: TerminationStatus
    do {
      status = try await process.ended()
    } catch {
      await process.discard()
      throw error
    }
    let output = try process.log
    await process.discard()
    guard case .exited(let code) = status else {
      throw TestFailure("keymeter ended by \(status):\n\(output)")
    }
    return (output, code)
  }

  /// Runs a `keymeter` command on a database to its end.
  static func output(
    of arguments: [String], on database: TestDatabase, peppers: String? = Node.peppers
  ) async throws -> (output: String, code: Int32) {
    var environment = ["DATABASE_URL": database.url]
    environment["KEYMETER_PEPPERS"] = peppers
    return try await output(of: arguments, environment: environment)
  }
}

/// Starts a server that must exit with 78, and returns its only line.
@discardableResult
func rejectedStart(
  _ environment: [String: String], _ prefix: String = "keymeter: ",
  arguments: [String] = ["serve", "--port", "0"],
  sourceLocation: SourceLocation = #_sourceLocation
) async throws -> String {
  let (output, code) = try await ServerProcess.output(of: arguments, environment: environment)
  #expect(code == 78, "\(output)", sourceLocation: sourceLocation)
  #expect(output.hasPrefix(prefix), "\(output)", sourceLocation: sourceLocation)
  #expect(output.split(separator: "\n").count == 1, "\(output)", sourceLocation: sourceLocation)
  return output
}
