import FoundationEssentials

/// The number and seed of generated requests.
///
/// By default there are few and always the same. `make fuzz` sets others.
enum FuzzSettings {
  static let seed = number("FUZZ_SEED") ?? 2_026
  static let cases = number("FUZZ_CASES").map { Int($0) } ?? 600

  /// The command that repeats the requests.
  static func replay(_ index: Int) -> String {
    "Repeat with: FUZZ_SEED=\(seed) FUZZ_CASES=\(cases) swift test --filter GeneratedInputTests; this was request \(index)"
  }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }
}
