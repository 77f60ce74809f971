/// Why the domain did not do what was asked.
///
/// Each is answered in its dialect's own words.
public enum Rejection: Error, Sendable, Equatable {
  /// A part of the credentials is missing.
  case credentialsMissing
  /// No organisation has this provider id.
  case unknownProvider
  /// The key is not an ACTIVE key of the organisation.
  case notAuthentic
  /// The key may be used from some addresses only, and the request comes from none of them.
  case addressNotAllowed
  /// The operation needs a root key, and the caller's is not one.
  case rootKeyRequired
  /// Listing every key needs a root key.
  case rootKeyRequiredToList
  /// The operation needs a root key or this scope, and the caller's key has neither.
  case scopeRequired(Scope)
  /// A key that is not a root key grants or manages what goes beyond itself, in these respects.
  case beyondOwnAuthority([EscalationViolation])
  /// A key that is not a root key can't manage a root key.
  case rootKeyProtected
  /// The organisation would be left without an active root key.
  case lastRootKey
  /// A key that is revoked or expired can't be rotated.
  case keyNotActive(KeyStatus)
  /// A value that a rotation has left valid for a while can't give its own key another one.
  case valueSuperseded
  /// No such key in the caller's organisation.
  case keyNotFound
  /// A root key can't change another root key.
  case otherRootKey
  /// A root key can't be deleted, lest an organisation lock itself out.
  case rootKeyNotDeletable
  /// Another key of the organisation has the linkage.
  case linkageTaken
  /// No organisation has this provider id (at the command line).
  case organisationNotFound
  /// The key belongs to another organisation.
  case keyOfAnotherOrganisation
  /// Another organisation has this provider id.
  case providerTaken
}
