/// An identifier that Keymeter itself issues: a prefix that names the kind, and random base62 characters.
///
/// The type keeps one kind from being passed for another; `rawValue` is what the wire and the database hold.
public protocol IssuedIdentifier: RawRepresentable<String>, Sendable, Hashable, CustomStringConvertible {
  /// The kind's prefix, with its underscore (`key_`).
  static var prefix: String { get }
  /// Takes an identifier as it was stored or received; nothing is checked, because an identifier of a
  /// wrong form is simply one that no record has.
  init(rawValue: String)
}

extension IssuedIdentifier {
  /// Random characters behind the prefix: 24 of 62 are 142 bits, so no identifier is guessable from another.
  static var randomLength: Int { 24 }

  /// A new identifier out of `random`.
  public init(random: inout RandomSource) {
    self.init(rawValue: Self.prefix + Base62.random(Self.randomLength, from: &random))
  }

  /// Whether it has the form that issued identifiers have; one that a caller made up may hold anything.
  public var isWellFormed: Bool {
    rawValue.utf8.count <= 64 && rawValue.utf8.starts(with: Self.prefix.utf8)
      && rawValue.utf8.dropFirst(Self.prefix.utf8.count).allSatisfy(Base62.contains)
  }

  /// The identifier as it appears on the wire.
  public var description: String { rawValue }
}

/// The id of a key, root or child (contract §2): `key_…`.
public struct KeyID: IssuedIdentifier {
  /// The prefix `key_`.
  public static let prefix = "key_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Takes an id as it was stored or received.
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// The internal id of an organisation: `org_…`.
public struct OrganisationID: IssuedIdentifier {
  /// The prefix `org_`.
  public static let prefix = "org_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Takes an id as it was stored or received.
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// Names one request in answers, logs and audit entries: `req_…`, or what the caller's `X-Request-Id` said.
public struct RequestID: IssuedIdentifier {
  /// The prefix `req_`.
  public static let prefix = "req_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Takes an id as it was received.
  public init(rawValue: String) { self.rawValue = rawValue }
}
