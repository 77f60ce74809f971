import KeymeterOps
import KeymeterTesting
import Subprocess
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// All suites that start servers, one after the other.
@Suite(.serialized, .timeLimit(.minutes(10)))
enum ClusterTests {}

let isRoot = geteuid() == 0

/// Runs a test with a cluster that does not sync, and removes it afterwards.
///
/// - Parameter name: the name of the cluster's directory.
func withCluster(
  named name: String = "cluster", _ options: PostgresCluster.Options = .init(),
  _ body: (PostgresCluster) async throws -> Void
) async throws {
  try await withScratch { scratch in
    var options = options
    options.settings["fsync"] = "off"
    let cluster = PostgresCluster(
      directory: scratch.appending(name), binaries: try PostgresBinaries.find(), options: options)
    let result: Result<Void, any Error>
    do { result = .success(try await body(cluster)) } catch { result = .failure(error) }
    try? await cluster.destroy()
    try result.get()
  }
}

/// Runs a test with a directory below /tmp that the server's user may enter.
func withScratch(_ body: (FilePath) async throws -> Void) async throws {
  var template = Array("/tmp/keymeter-cluster-XXXXXX".utf8CString)
  let path = template.withUnsafeMutableBufferPointer { buffer in
    buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
  }
  let scratch = FilePath(try #require(path))
  #expect(chmod(scratch.string, 0o755) == 0)
  let result: Result<Void, any Error>
  do { result = .success(try await body(scratch)) } catch { result = .failure(error) }
  _ = try await shell("rm -rf '\(scratch)'")
  try result.get()
}

/// What a shell script prints, nil if it fails.
func shell(_ script: String) async throws -> String? {
  let result = try await Subprocess.run(
    .path("/bin/sh"), arguments: ["-c", script], output: .string(limit: 1 << 20), error: .discarded)
  guard result.terminationStatus.isSuccess else { return nil }
  return result.standardOutput.split(separator: "\n").joined(separator: "\n")
}

/// The answer to SQL over the socket, nil if the server rejects the login or the statement.
func answer(_ cluster: PostgresCluster, _ sql: String, role: String = "postgres") async throws -> String? {
  let psql = try PostgresBinaries.find().directory.appending("psql")
  let url = cluster.connectionURL(database: "postgres", role: role)
  return try await shell("'\(psql)' -XAtqw -v ON_ERROR_STOP=1 -d '\(url)' -c \"\(sql)\"")
}

func exists(_ path: FilePath) -> Bool { access(path.string, F_OK) == 0 }
