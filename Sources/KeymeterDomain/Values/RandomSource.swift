/// Where unguessable bits come from; handed in, so that a test can seed it.
public struct RandomSource: RandomNumberGenerator, Sendable {
  private let generate: @Sendable () -> UInt64

  /// A source that answers from `generate`, which may be called from any thread.
  public init(_ generate: @escaping @Sendable () -> UInt64) { self.generate = generate }

  /// The operating system's cryptographic generator.
  public static let system = RandomSource {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 { generate() }
}
