/// What a store keeps of a pepper: enough to notice other bytes under the same id, and not the pepper.
public struct PepperCheck: Sendable, Hashable {
  /// What the pepper is applied to; no key, since each begins with `sk_`.
  static let context = "keymeter pepper check 1"

  /// The pepper's id.
  public let pepperID: String
  /// HMAC-SHA-256(pepper, a fixed text): 32 bytes.
  public let bytes: [UInt8]

  /// A check value as a store read it.
  public init(pepperID: String, bytes: [UInt8]) {
    self.pepperID = pepperID
    self.bytes = bytes
  }
}

extension PepperCheck: CustomStringConvertible, CustomReflectable {
  /// The pepper's id.
  public var description: String { "check of pepper \(pepperID)" }
  /// Shows the pepper's id alone.
  public var customMirror: Mirror { Mirror(self, children: ["pepperID": pepperID]) }
}
