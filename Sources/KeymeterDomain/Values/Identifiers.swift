/// An identifier that Keymeter issues: a prefix for the kind, then random base62 characters.
///
/// A type per kind prevents mixing them up. `rawValue` is the form on the wire and in the database.
public protocol IssuedIdentifier: RawRepresentable<String>, Sendable, Hashable, CustomStringConvertible {
  /// The kind's prefix, with its underscore (`key_`).
  static var prefix: String { get }
  /// Wraps a stored or received identifier without validation, because no record has a malformed one.
  init(rawValue: String)
}

extension IssuedIdentifier {
  /// The number of random characters.
  ///
  /// 24 of 62 are 142 bits, so identifiers can't be guessed.
  static var randomLength: Int { 24 }

  /// Generates a new identifier.
  public init(random: inout RandomSource) {
    self.init(rawValue: Self.prefix + Base62.random(Self.randomLength, from: &random))
  }

  /// Whether it has the form of an issued identifier.
  ///
  /// Identifiers from callers may contain anything.
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
  /// Wraps a stored or received id.
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// The internal id of an organisation: `org_…`.
public struct OrganisationID: IssuedIdentifier {
  /// The prefix `org_`.
  public static let prefix = "org_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Wraps a stored or received id.
  public init(rawValue: String) { self.rawValue = rawValue }
}

/// The id of one request in responses, logs and audit entries: `req_…`, or the caller's `X-Request-Id`.
public struct RequestID: IssuedIdentifier {
  /// The prefix `req_`.
  public static let prefix = "req_"
  /// The id as it appears on the wire.
  public let rawValue: String
  /// Wraps a received id.
  public init(rawValue: String) { self.rawValue = rawValue }
}
