import KeymeterTesting
import Subprocess
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A process of a test's own: a `keymeter` that was built from this source tree, or what stands before it.
final class ServerProcess: Sendable {
  let processID: pid_t
  /// What it wrote to standard output and standard error.
  let logFile: FilePath
  private let ending: Task<TerminationStatus, any Error>

  private init(processID: pid_t, logFile: FilePath, ending: Task<TerminationStatus, any Error>) {
    self.processID = processID
    self.logFile = logFile
    self.ending = ending
  }

  /// The executable beside the test bundle.
  static var executable: FilePath {
    get throws {
      var buffer = [CChar](repeating: 0, count: 4_096)
      let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
      guard length > 0 else { throw TestFailure("the test's own executable can't be found") }
      let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return FilePath(path).removingLastComponent().appending("keymeter")
    }
  }

  /// Starts a program with only the given environment.
  ///
  /// - Parameters:
  ///   - program: `nil` for `keymeter`.
  ///   - shell: what starts it instead, with `"$@"` for itself: `ulimit -n 1000; exec "$@"`.
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
    let ending = Task {
      defer { continuation.finish() }
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
      return ServerProcess(processID: processID, logFile: logFile, ending: ending)
    }
    _ = try await ending.value
    throw TestFailure("\(executable) did not start")
  }

  private static let serial = Mutex(0)

  /// Everything that it has written so far.
  var log: String {
    get throws {
      let file = try FileDescriptor.open(logFile, .readOnly, options: [.closeOnExec])
      return try file.closeAfter {
        var bytes: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
        defer { chunk.deallocate() }
        while true {
          let count = try file.read(into: chunk)
          if count == 0 { return String(decoding: bytes, as: UTF8.self) }
          bytes.append(contentsOf: chunk[..<count])
        }
      }
    }
  }

  /// Waits until the log holds a match, and returns its first group.
  func wait(for pattern: sending Regex<(Substring, Substring)>) async throws -> String {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(30))
    while clock.now < end {
      if let match = try log.firstMatch(of: pattern) { return String(match.1) }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw TestFailure("the log never matched:\n\(try log)")
  }

  /// Whether it has not ended yet.
  var isRunning: Bool { kill(processID, 0) == 0 }

  func signal(_ number: Int32) { kill(processID, number) }

  /// Waits until it has ended by itself.
  func ended() async throws -> TerminationStatus {
    try await within(.seconds(60), "a process to end") { try await self.ending.value }
  }

  /// Ends it for good, if it still runs, and removes its log.
  func discard() async {
    kill(processID, SIGKILL)
    _ = try? await ending.value
    unlink(logFile.string)
  }
}
