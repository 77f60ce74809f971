/// A source of cryptographic randomness.
///
/// It is injected so that tests can seed it.
public struct RandomSource: RandomNumberGenerator, Sendable {
  private let generate: @Sendable () -> UInt64

  /// Creates a source from `generate`, which may be called from any thread.
  public init(_ generate: @escaping @Sendable () -> UInt64) { self.generate = generate }

  /// The operating system's cryptographic generator.
  public static let system = RandomSource {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 { generate() }
}
