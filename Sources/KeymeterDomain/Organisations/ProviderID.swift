/// An organisation's public, unique name: the value of `X-Scrubs-Clinic-Provider` (contract §1).
public struct ProviderID: Sendable, Hashable, CustomStringConvertible {
  /// The id as the organisation's clients send it.
  public let rawValue: String

  /// Validates a provider id: 1 to 128 of `A–Z a–z 0–9 . _ -`, so that it needs no quoting in headers, paths
  /// and shells.
  ///
  /// - Throws: `ValidationFailure` naming `provider_id`.
  public init(validating text: String) throws(ValidationFailure) {
    guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else {
      throw ValidationFailure(
        field: "provider_id", "must be 1 to 128 of the characters A-Z a-z 0-9 . _ and -")
    }
    rawValue = text
  }

  /// Wraps a stored id, which was validated when it was created.
  public init(stored: String) { rawValue = stored }

  /// The id as the organisation's clients send it.
  public var description: String { rawValue }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
