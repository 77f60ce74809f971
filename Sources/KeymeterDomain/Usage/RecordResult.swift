/// An event id: the caller's name for reported usage, so that reporting it twice counts once.
public struct EventID: Sendable, Hashable {
  /// 1 to 255 characters without control characters.
  public let rawValue: String

  /// Validates an event id.
  ///
  /// It is not trimmed, because it is opaque to Keymeter.
  ///
  /// - Throws: `ValidationFailure` naming `event_id`.
  public init(validating text: String) throws(ValidationFailure) {
    guard (1...255).contains(text.unicodeScalars.count),
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw ValidationFailure(
        field: "event_id", "must be 1 to 255 characters without control characters")
    }
    rawValue = text
  }

  /// Compares bytes, as PostgreSQL does.
  public static func == (left: EventID, right: EventID) -> Bool {
    left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
  }

  /// Consistent with `==`.
  public func hash(into hasher: inout Hasher) {
    for byte in rawValue.utf8 { hasher.combine(byte) }
  }
}

/// The result of reporting usage after the fact.
public enum RecordResult: Sendable, Hashable {
  /// The usage counts, now or since it was first reported.
  case recorded(overLimit: Bool, repeated: Bool, KeyUsageSnapshot)
  /// The event was reported before with another key or other amounts. Nothing was counted now.
  case differs
  /// Nothing was counted.
  case rejected(AdmissionRejection, KeyUsageSnapshot?)
}

/// Usage that was counted.
public struct RecordedUsage: Sendable {
  /// Whether a limit is exceeded.
  public let overLimit: Bool
  /// Whether the event had been counted before.
  public let repeated: Bool
  /// The key and its usage.
  public let key: KeyUsageSnapshot
}
