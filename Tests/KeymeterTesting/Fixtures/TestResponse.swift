public import KeymeterDomain

/// A response to seal and replay where no handler runs.
public struct TestResponse: ReplayableResponse, Hashable {
  public let body: [UInt8]
  public var replayed = false

  public init(_ body: [UInt8] = []) { self.body = body }

  public init(sealableBytes: ArraySlice<UInt8>) { body = Array(sealableBytes) }

  public var sealableBytes: [UInt8] { body }
}
