/// A caller's own name for something that was used, so that reporting it twice counts once.
public struct EventID: Sendable, Hashable {
  /// 1 to 255 characters, none of them a control character.
  public let rawValue: String

  /// Checks an event id.
  ///
  /// It is not trimmed: to its caller it is opaque.
  ///
  /// - Throws: `ValidationFailure` naming `event_id`.
  public init(validating text: String) throws(ValidationFailure) {
    guard (1...255).contains(text.unicodeScalars.count),
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw ValidationFailure(
        field: "event_id", "must be 1 to 255 characters, none of them a control character")
    }
    rawValue = text
  }

  /// Two ids are the same when their bytes are, as for PostgreSQL.
  public static func == (left: EventID, right: EventID) -> Bool {
    left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
  }

  /// Agrees with `==`.
  public func hash(into hasher: inout Hasher) {
    for byte in rawValue.utf8 { hasher.combine(byte) }
  }
}

/// The answer to usage that is reported after the fact.
public enum RecordResult: Sendable, Hashable {
  /// It counts, now or since it was first reported.
  case recorded(overLimit: Bool, repeated: Bool, KeyUsageSnapshot)
  /// The event was reported before with another key or other amounts; nothing was counted now.
  case differs
  /// Nothing was counted.
  case refused(AdmissionRejection, KeyUsageSnapshot?)

  /// How the key stands, where it is known.
  var standing: KeyUsageSnapshot? {
    switch self {
    case .recorded(_, _, let standing): standing
    case .differs: nil
    case .refused(_, let standing): standing
    }
  }
}
