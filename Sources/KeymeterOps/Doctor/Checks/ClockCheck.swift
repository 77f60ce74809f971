import FoundationEssentials
import KeymeterRepository

/// Whether this node's clock goes with PostgreSQL's, which decides.
struct ClockCheck: DatabaseCheck {
  let name = "clock"

  /// A log that is a second off is hard to read beside the database's.
  private static let tolerance = 1.0
  private static let readings = 5
  private static let decides = "PostgreSQL's clock decides expiry, months and time-outs"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    var best = try await read(database)
    for _ in 1..<Self.readings {
      let next = try await read(database)
      if next.uncertainty < best.uncertainty { best = next }
    }
    let found =
      "PostgreSQL is \(Self.text(abs(best.ahead))) s \(best.ahead < 0 ? "behind" : "ahead of") this node"
    guard abs(best.ahead) - best.uncertainty <= Self.tolerance else {
      return .warn("\(found). \(Self.decides)", advice: "Have both synchronised (chrony, systemd-timesyncd)")
    }
    return .ok("\(found), give or take \(Self.text(best.uncertainty)) s; \(Self.decides)")
  }

  /// In seconds: how far the database is ahead, and how far that may be wrong.
  ///
  /// The way there and the way back need not take the same time.
  private func read(_ database: ExaminedDatabase) async throws -> (ahead: Double, uncertainty: Double) {
    let before = Date().timeIntervalSince1970
    let there = Double(try await database.inspection.clock()) / 1_000_000
    let after = Date().timeIntervalSince1970
    return (there - (before + after) / 2, abs(after - before) / 2)
  }

  /// Milliseconds are all that this can tell.
  private static func text(_ seconds: Double) -> String {
    let milliseconds = Int((seconds * 1_000).rounded())
    let rest = String(milliseconds % 1_000)
    return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
