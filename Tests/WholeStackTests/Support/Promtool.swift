import Subprocess

/// Prometheus' own checker.
enum Promtool {
  private static let root = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()

  /// The faults it finds in an exposition, or an empty text.
  static func faults(of metrics: String) async throws -> String {
    let script = "PATH=\"\(root)/.build-tools/bin:$PATH\" promtool check metrics"
    let result = try await Subprocess.run(
      .name("bash"), arguments: ["-c", script], input: .string(metrics), output: .string(limit: 65_536),
      error: .string(limit: 65_536))
    let report = result.standardOutput + result.standardError
    guard result.terminationStatus.isSuccess else { return report.isEmpty ? "it failed" : report }
    return report
  }
}
