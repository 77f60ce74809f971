import FoundationEssentials

/// How many generated requests there are, and by which seed: few and always the same ones, unless `make fuzz` says
/// otherwise.
enum FuzzSettings {
  static let seed = number("FUZZ_SEED") ?? 2_026
  static let cases = number("FUZZ_CASES").map { Int($0) } ?? 600

  /// How to make the same requests again.
  static func replay(_ index: Int) -> String {
    "The same again: FUZZ_SEED=\(seed) FUZZ_CASES=\(cases) swift test --filter GeneratedInputTests; this was request \(index)"
  }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }
}
