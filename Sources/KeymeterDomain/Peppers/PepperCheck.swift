/// A check value that detects different bytes under the same pepper id, without revealing the pepper.
public struct PepperCheck: Sendable, Hashable {
  /// The text that is hashed with the pepper.
  ///
  /// It can't be a key, because keys start with `sk_`.
  static let context = "keymeter pepper check 1"

  /// The pepper's id.
  public let pepperID: String
  /// HMAC-SHA-256(pepper, `context`): 32 bytes.
  public let bytes: [UInt8]

  /// Creates a check value from a stored row.
  public init(pepperID: String, bytes: [UInt8]) {
    self.pepperID = pepperID
    self.bytes = bytes
  }
}

extension PepperCheck: CustomStringConvertible, CustomReflectable {
  /// The pepper's id.
  public var description: String { "check of pepper \(pepperID)" }
  /// Shows only the pepper's id.
  public var customMirror: Mirror { Mirror(self, children: ["pepperID": pepperID]) }
}
