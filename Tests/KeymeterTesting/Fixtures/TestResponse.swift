public import KeymeterDomain

/// A response to seal and replay where no handler runs.
public struct TestResponse: ReplayableResponse, Hashable {
  /// The response's bytes.
  public let body: [UInt8]
  /// Whether it was stored for an earlier request.
  public var replayed = false

  /// A response with these bytes.
  public init(_ body: [UInt8] = []) { self.body = body }

  /// Restores a response from its sealed form.
  public init(sealableBytes: ArraySlice<UInt8>) { body = Array(sealableBytes) }

  /// The form that is sealed.
  public var sealableBytes: [UInt8] { body }
}
