/// The plaintext of a key: `sk_<env>_<body><checksum>` (contract §2).
///
/// It exists in memory only until a request's header is hashed, and once in the response that issues it.
/// Printing, mirroring or interpolating it shows only the hint. Only `revealed` returns the plaintext.
public struct KeySecret: Sendable {
  private let text: String
  /// The environment in the key's prefix.
  public let environment: KeyEnvironment

  private static let bodyLength = 32
  private static let checksumLength = 6

  /// Parses a presented key.
  ///
  /// Nil for a malformed text or a wrong checksum: it was never issued, so it can be rejected without a
  /// database query.
  public init?(presented text: String) {
    guard let environment = Self.environment(of: text) else { return nil }
    let tail = text.utf8.dropFirst(Self.prefix(of: environment).utf8.count)
    guard tail.count == Self.bodyLength + Self.checksumLength, tail.allSatisfy(Base62.contains) else {
      return nil
    }
    let payload = text.utf8.dropLast(Self.checksumLength)
    let expected = Base62.encode(CRC32.checksum(payload), width: Self.checksumLength)
    guard text.utf8.suffix(Self.checksumLength).elementsEqual(expected) else { return nil }
    self.text = text
    self.environment = environment
  }

  /// The random part of a key, generated before the key's environment is known.
  struct Body: Sendable {
    fileprivate let characters: String

    /// Generates 32 base62 characters (190 bits).
    init(random: inout RandomSource) { characters = Base62.random(bodyLength, from: &random) }
  }

  /// Generates a new key.
  public init(environment: KeyEnvironment, random: inout RandomSource) {
    self.init(environment: environment, body: Body(random: &random))
  }

  /// Creates a key from a random part that was generated for it.
  init(environment: KeyEnvironment, body: Body) {
    let payload = Self.prefix(of: environment) + body.characters
    let checksum = Base62.encode(CRC32.checksum(payload.utf8), width: Self.checksumLength)
    text = payload + String(decoding: checksum, as: UTF8.self)
    self.environment = environment
  }

  /// The plaintext, only for the single response that shows it.
  public var revealed: String { text }

  /// The bytes to hash.
  var bytes: String.UTF8View { text.utf8 }

  /// The part that may be stored and shown: the prefix and the last four characters.
  public var hint: String { "\(Self.prefix(of: environment))...\(text.suffix(4))" }

  static func prefix(of environment: KeyEnvironment) -> String { "sk_\(environment.keyInfix)_" }

  private static func environment(of text: String) -> KeyEnvironment? {
    KeyEnvironment.allCases.first { text.utf8.starts(with: prefix(of: $0).utf8) }
  }
}

extension KeySecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Shows only the hint, never the key.
  public var description: String { hint }
  /// Shows only the hint, never the key.
  public var debugDescription: String { hint }
  /// Shows only the hint, so that dumping a value that contains a key leaks nothing.
  public var customMirror: Mirror { Mirror(self, children: ["hint": hint]) }
}

extension KeySecret.Body: CustomStringConvertible, CustomReflectable {
  /// Shows nothing, because there is no hint yet.
  var description: String { "[redacted]" }
  /// Shows nothing.
  var customMirror: Mirror { Mirror(self, children: []) }
}
