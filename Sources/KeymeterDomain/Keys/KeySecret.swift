/// The plaintext of a key: `sk_<env>_<body><checksum>` (contract §2).
///
/// It exists in memory between a request's header and its hash, and once in the answer that issues it.
/// Printing, mirroring or interpolating it gives the hint only; `revealed` is the one way to the characters.
public struct KeySecret: Sendable {
  private let text: String
  /// The environment that the key's prefix names.
  public let environment: KeyEnvironment

  private static let bodyLength = 32
  private static let checksumLength = 6

  /// Takes a presented key apart.
  ///
  /// `nil` for a wrong form or checksum: such a text was never issued, and so is refused without asking the
  /// database.
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

  /// The random part of a key, drawn before it is known which environment it is for.
  struct Body: Sendable {
    fileprivate let characters: String

    /// Draws 32 base62 characters, which are 190 bits.
    init(random: inout RandomSource) { characters = Base62.random(bodyLength, from: &random) }
  }

  /// Issues a new key.
  public init(environment: KeyEnvironment, random: inout RandomSource) {
    self.init(environment: environment, body: Body(random: &random))
  }

  /// Issues a new key of a random part that was drawn for it.
  init(environment: KeyEnvironment, body: Body) {
    let payload = Self.prefix(of: environment) + body.characters
    let checksum = Base62.encode(CRC32.checksum(payload.utf8), width: Self.checksumLength)
    text = payload + String(decoding: checksum, as: UTF8.self)
    self.environment = environment
  }

  /// The plaintext, for the one answer that shows it and for nothing else.
  public var revealed: String { text }

  /// The bytes that are digested.
  var bytes: String.UTF8View { text.utf8 }

  /// What may be stored and shown: the prefix and the last four characters.
  public var hint: String { "\(Self.prefix(of: environment))...\(text.suffix(4))" }

  static func prefix(of environment: KeyEnvironment) -> String { "sk_\(environment.keyInfix)_" }

  private static func environment(of text: String) -> KeyEnvironment? {
    KeyEnvironment.allCases.first { text.utf8.starts(with: prefix(of: $0).utf8) }
  }
}

extension KeySecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The hint, never the key.
  public var description: String { hint }
  /// The hint, never the key.
  public var debugDescription: String { hint }
  /// Shows the hint alone, so that dumping a value that holds a key leaks nothing.
  public var customMirror: Mirror { Mirror(self, children: ["hint": hint]) }
}

extension KeySecret.Body: CustomStringConvertible, CustomReflectable {
  /// Nothing of it: there is no hint yet.
  var description: String { "[redacted]" }
  /// Nothing of it.
  var customMirror: Mirror { Mirror(self, children: []) }
}
