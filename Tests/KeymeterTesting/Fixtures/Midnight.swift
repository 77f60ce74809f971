import FoundationEssentials

/// Keeps tests away from midnight, when a charge and its check could fall on different days.
public enum Midnight {
  private static let margin = 30.0

  /// Waits until after midnight if it is too close for a test.
  ///
  /// - Throws: `CancellationError`.
  public static func isFarEnough() async throws {
    let left = 86_400 - Date().timeIntervalSince1970.truncatingRemainder(dividingBy: 86_400)
    if left < margin { try await Task.sleep(for: .seconds(left + 1)) }
  }
}
