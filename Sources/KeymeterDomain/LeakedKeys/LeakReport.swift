/// A key that a scanner found where everybody can read it.
public struct LeakReport: Sendable {
  /// The key, already checked for form and checksum.
  public let secret: KeySecret
  /// Where it was found, in a form that a log may hold; `nil` where that was not told, or can't be kept.
  public let url: String?
  /// In what kind of text it was found, such as `commit`, likewise.
  public let source: String?

  private static let longestURL = 2_048
  private static let longestSource = 64

  /// A report as it came; a place that could do harm in a log is left out, and a key that stands in it is masked.
  public init(secret: KeySecret, url: String?, source: String?) {
    self.secret = secret
    self.url = Self.harmless(url, upTo: Self.longestURL)
    self.source = Self.harmless(source, upTo: Self.longestSource)
  }

  /// Printable ASCII of a bounded length, without keys.
  private static func harmless(_ text: String?, upTo longest: Int) -> String? {
    guard let text, !text.isEmpty, text.utf8.count <= longest,
      text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else { return nil }
    return KeySecret.masking(text)
  }
}

/// What became of a reported key.
public enum LeakOutcome: Sendable {
  /// The value is no key's, at least not any more.
  case unknown
  /// The value had ended already, and nothing is to be done: the key was revoked before, or this has been reported.
  case endedBefore
  /// The value had ended by a rotation. The key goes on by a value that nobody has reported, and the log says so.
  case superseded(KeyID, of: OrganisationID)
  /// The key was revoked now, with all its values.
  ///
  /// `lastRoot` tells whether its organisation is left without an active root key.
  case revoked(KeyID, of: OrganisationID, lastRoot: Bool)

  /// Whether a key of this service was found.
  public var isKey: Bool {
    if case .unknown = self { false } else { true }
  }
}
