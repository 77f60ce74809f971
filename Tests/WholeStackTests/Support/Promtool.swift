import Subprocess

/// Prometheus' own judge of what it is given.
enum Promtool {
  private static let root = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()

  /// What it has against metrics; empty where it has nothing.
  static func faults(of metrics: String) async throws -> String {
    let script = "PATH=\"\(root)/.build-tools/bin:$PATH\" promtool check metrics"
    let result = try await Subprocess.run(
      .name("bash"), arguments: ["-c", script], input: .string(metrics), output: .string(limit: 65_536),
      error: .string(limit: 65_536))
    let told = result.standardOutput + result.standardError
    guard result.terminationStatus.isSuccess else { return told.isEmpty ? "it failed" : told }
    return told
  }
}
