/// A key that a scanner found in public.
public struct LeakReport: Sendable {
  /// The secret, already checked for format and checksum.
  public let secret: KeySecret
  /// Where it was found, in a form that is safe to log.
  ///
  /// Nil if unknown or unsafe.
  public let url: String?
  /// The kind of source, such as `commit`, or nil if unknown or unsafe.
  public let source: String?

  private static let maximumURLLength = 2_048
  private static let maximumSourceLength = 64

  /// Creates a report.
  ///
  /// Drops a location that would be unsafe to log, and masks any key in it.
  public init(secret: KeySecret, url: String?, source: String?) {
    self.secret = secret
    self.url = Self.sanitised(url, upTo: Self.maximumURLLength)
    self.source = Self.sanitised(source, upTo: Self.maximumSourceLength)
  }

  /// Printable ASCII of bounded length, with keys masked.
  private static func sanitised(_ text: String?, upTo maximum: Int) -> String? {
    guard let text, !text.isEmpty, text.utf8.count <= maximum,
      text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else { return nil }
    return KeySecret.masking(text)
  }
}

/// The outcome for one reported key.
public enum LeakOutcome: Sendable {
  /// No key has this secret, at least not any more.
  case unknown
  /// The secret had already ended: the key was revoked before, or this was already reported.
  case endedBefore
  /// The secret had ended by a rotation. The key stays active with its new secret, and the audit log records
  /// the report.
  case superseded(KeyID, of: OrganisationID)
  /// The key was revoked, with all its secrets.
  ///
  /// `lastRoot` is true if its organisation has no active root key left.
  case revoked(KeyID, of: OrganisationID, lastRoot: Bool)

  /// Whether the reported text belongs to this service.
  public var isKey: Bool {
    if case .unknown = self { false } else { true }
  }
}
