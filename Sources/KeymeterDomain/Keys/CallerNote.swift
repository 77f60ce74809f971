import Synchronization

/// Tells whoever logs a request whose key it was made with, once that is known.
///
/// A call's own answer is for the caller, and says so only sometimes; hence a note beside it, which belongs to the task
/// that the call is made in.
public final class CallerNote: Sendable {
  /// The note of the request under way; `nil` where nobody wants to know.
  @TaskLocal public static var current: CallerNote?

  private let noted = Mutex<(organisation: OrganisationID, key: KeyID)?>(nil)

  /// A note with nothing on it.
  public init() {}

  /// Whose key it was; `nil` as long as that isn't known.
  public var caller: (organisation: OrganisationID, key: KeyID)? { noted.withLock { $0 } }

  func note(_ organisation: OrganisationID, _ key: KeyID) { noted.withLock { $0 = (organisation, key) } }

  func note(_ standing: KeyUsageSnapshot?) {
    if let standing { note(standing.organisationID, standing.keyID) }
  }
}
