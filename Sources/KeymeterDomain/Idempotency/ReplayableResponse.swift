/// A response that the domain can seal and replay without knowing its format.
public protocol ReplayableResponse: Sendable {
  /// Whether it answers an earlier request with the same idempotency key.
  var replayed: Bool { get set }
  /// The bytes to seal.
  ///
  /// Nodes of other versions read them, so a format that was released must stay readable.
  var sealableBytes: [UInt8] { get }

  /// Reads `sealableBytes`, or returns `nil` for anything else.
  init?(sealableBytes: ArraySlice<UInt8>)
}
