/// What a caller asks of a rotation.
public struct KeyRotation: Sendable, Hashable {
  /// The key to give a new value.
  public let id: KeyID
  /// For how many seconds the value so far still authenticates; 0 is not at all.
  public let overlapSeconds: Int64

  /// How long two values of one key may live side by side: a week at most.
  public static let overlaps: ClosedRange<Int64> = 0...604_800

  /// A rotation of the key `id`.
  public init(id: KeyID, overlapSeconds: Int64 = 0) {
    self.id = id
    self.overlapSeconds = overlapSeconds
  }
}
