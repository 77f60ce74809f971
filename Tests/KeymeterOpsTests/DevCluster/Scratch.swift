import KeymeterOps
import Glibc
import Subprocess
import SystemPackage
import Testing

/// All suites that start servers, one after the other: each server wants memory and a core.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum ClusterTests {}

let isRoot = geteuid() == 0

/// A directory of its own under /tmp, which the server's user may enter, for one test.
struct Scratch: Sendable {
  let path: FilePath

  /// Where the test's cluster goes.
  let cluster: FilePath

  init(clusterName: String = "cluster") throws {
    var template = Array("/tmp/keymeter-test-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    path = FilePath(try #require(made))
    cluster = path.appending(clusterName)
    #expect(chmod(path.string, 0o755) == 0)
  }

  func remove() async { _ = try? await tool("/bin/rm", ["-rf", path.string]) }
}

/// Runs a test with a scratch directory, and removes it and its cluster whatever happens.
func withScratch(
  clusterName: String = "cluster", _ body: (Scratch, PostgresBinaries) async throws -> Void
) async throws {
  let binaries = try await PostgresBinaries.find()
  let scratch = try Scratch(clusterName: clusterName)
  let result: Result<Void, any Error>
  do { result = .success(try await body(scratch, binaries)) } catch { result = .failure(error) }
  try? await PostgresCluster(directory: scratch.cluster, binaries: binaries).destroy()
  await scratch.remove()
  try result.get()
}

/// The settings of a cluster that is thrown away.
let disposable = ["fsync": "off"]

struct ToolOutcome: Sendable {
  let succeeded: Bool
  let output: String
}

/// Runs a program as the invoking user with nothing of this process's environment.
func tool(
  _ path: FilePath, _ arguments: [String], environment: [String: String] = [:]
) async throws -> ToolOutcome {
  var values: [Environment.Key: String] = ["PATH": "/usr/bin:/bin"]
  for (name, value) in environment { values[try #require(Environment.Key(rawValue: name))] = value }
  let result = try await Subprocess.run(
    .path(path), arguments: Arguments(arguments), environment: .custom(values),
    output: .string(limit: 1 << 20), error: .combinedWithOutput)
  return ToolOutcome(
    succeeded: result.terminationStatus.isSuccess,
    output: result.standardOutput.split(separator: "\n").joined(separator: "\n"))
}

/// Sends SQL through psql.
func psql(_ url: String, _ sql: String, password: String? = nil) async throws -> ToolOutcome {
  let binaries = try await PostgresBinaries.find()
  return try await tool(
    binaries.directory.appending("psql"), ["-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql],
    environment: password.map { ["PGPASSWORD": $0] } ?? [:])
}

/// The answer to SQL that must succeed.
func answer(_ cluster: PostgresCluster, _ sql: String, role: String = "postgres") async throws -> String {
  let outcome = try await psql(cluster.connectionURL(database: "postgres", role: role), sql)
  try #require(outcome.succeeded, "\(outcome.output)")
  return outcome.output
}

/// A TCP port that was free a moment ago.
func freePort() throws -> Int {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let code = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
    }
  }
  try #require(code == 0)
  return Int(UInt16(bigEndian: address.sin_port))
}

/// A file's text, read by the shell's own means so that the code under test is not its own witness.
func contents(_ path: FilePath) async throws -> String {
  let outcome = try await tool("/bin/cat", [path.string])
  try #require(outcome.succeeded, "\(outcome.output)")
  return outcome.output
}

func exists(_ path: FilePath) -> Bool { access(path.string, F_OK) == 0 }

/// Waits until a condition holds, at most 10 s.
func eventually(_ condition: () async -> Bool) async throws -> Bool {
  for _ in 0..<200 {
    if await condition() { return true }
    try await Task.sleep(for: .milliseconds(50))
  }
  return false
}
