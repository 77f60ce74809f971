import FoundationEssentials

/// What is charged on one day and looked at on the next would look wrong.
public enum Midnight {
  private static let margin = 30.0

  /// Waits until the day is over, unless there is time enough left of it for a test.
  ///
  /// - Throws: `CancellationError`.
  public static func isFarEnough() async throws {
    let left = 86_400 - Date().timeIntervalSince1970.truncatingRemainder(dividingBy: 86_400)
    if left < margin { try await Task.sleep(for: .seconds(left + 1)) }
  }
}
