/// A request to rotate a key's secret.
public struct KeyRotation: Sendable, Hashable {
  /// The key to rotate.
  public let id: KeyID
  /// How many seconds the old secret stays valid, or 0 to end it at once.
  public let overlapSeconds: Int64

  /// The allowed overlap of two secrets of one key: up to a week.
  public static let overlaps: ClosedRange<Int64> = 0...604_800

  /// Creates a rotation of the key `id`.
  public init(id: KeyID, overlapSeconds: Int64 = 0) {
    self.id = id
    self.overlapSeconds = overlapSeconds
  }
}
