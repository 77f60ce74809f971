import FoundationEssentials
package import KeymeterOps
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension PostgresCluster {
  /// Stops the server immediately and removes all files of the cluster.
  package func destroy() async throws {
    try await stop(.immediate)
    for path in [socketDirectory, location, directory] {
      try? FileManager.default.removeItem(atPath: path.string)
    }
  }

  /// Stops the server immediately, without Swift concurrency: for `atexit`.
  ///
  /// Waits at most 6 s.
  package func stopNow() {
    guard let postmaster = postmasterPID else { return }
    kill(postmaster, SIGQUIT)
    kill(postmaster, SIGCONT)
    for _ in 0..<300 where postmasterPID != nil { usleep(20_000) }
  }
}
