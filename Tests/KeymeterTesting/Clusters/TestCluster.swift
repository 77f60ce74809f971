import FoundationEssentials
package import KeymeterOps
import Synchronization
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The PostgreSQL cluster that a test run shares. The first test that needs it starts it, and it ends with the process.
public actor TestCluster {
  /// This process's cluster.
  public static let shared = TestCluster()

  private var starting: Task<PostgresCluster, any Error>?

  private init() {}

  /// The running cluster.
  package func cluster() async throws -> PostgresCluster {
    let task = starting ?? Task { try await Self.start() }
    starting = task
    return try await task.value
  }

  private static let directoryPrefix = "keymeter-test-"
  private static let started = Mutex<PostgresCluster?>(nil)

  private static func start() async throws -> PostgresCluster {
    let binaries = try PostgresBinaries.find()
    removeLeftovers(binaries)
    let cluster = PostgresCluster(
      directory: FilePath("/tmp/\(directoryPrefix)\(getpid())"), binaries: binaries,
      options: .init(
        settings: [
          // Nothing here outlives the run. Tests of crashes use clusters that sync.
          "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
          "max_connections": "300", "shared_buffers": "64MB", "max_prepared_transactions": "10",
        ], roles: TestDatabase.Login.allCases.map(\.rawValue)))
    started.withLock { $0 = cluster }
    atexit { TestCluster.stopAtExit() }
    try await cluster.start()
    return cluster
  }

  private static func stopAtExit() {
    guard let cluster = started.withLock({ $0 }) else { return }
    cluster.stopNow()
    removeTree("/tmp/\(directoryPrefix)\(getpid())")
  }

  /// Removes the clusters of killed runs.
  private static func removeLeftovers(_ binaries: PostgresBinaries) {
    for name in entries(of: "/tmp") where name.hasPrefix(directoryPrefix) {
      guard let pid = pid_t(name.dropFirst(directoryPrefix.count)), kill(pid, 0) != 0 else { continue }
      let directory = FilePath("/tmp/\(name)")
      PostgresCluster(directory: directory, binaries: binaries, options: .init()).stopNow()
      removeTree(directory.string)
    }
  }

  private static func entries(of directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  }

  private static func removeTree(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }
}
