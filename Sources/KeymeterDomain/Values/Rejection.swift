/// Why the domain rejected a request.
///
/// Each dialect words its own response.
public enum Rejection: Error, Sendable, Equatable {
  /// A part of the credentials is missing.
  case credentialsMissing
  /// No organisation has this provider id.
  case unknownProvider
  /// The key is not an ACTIVE key of the organisation.
  case notAuthentic
  /// The request comes from an address outside the key's address list.
  case addressNotAllowed
  /// The operation needs a root key, and the caller's key is not one.
  case rootKeyRequired
  /// Listing every key needs a root key.
  case rootKeyRequiredToList
  /// The operation needs a root key or this scope, and the caller's key has neither.
  case scopeRequired(Scope)
  /// A non-root key tries to grant or manage more than its own permissions, in these respects.
  case beyondOwnAuthority([EscalationViolation])
  /// A non-root key can't manage a root key.
  case rootKeyProtected
  /// The organisation would be left without an active root key.
  case lastRootKey
  /// A revoked or expired key can't be rotated.
  case keyNotActive(KeyStatus)
  /// A secret that is only valid during a rotation's overlap can't rotate its own key.
  case valueSuperseded
  /// No such key in the caller's organisation.
  case keyNotFound
  /// A root key can't change another root key.
  case otherRootKey
  /// A root key can't be deleted, so that an organisation can't lock itself out.
  case rootKeyNotDeletable
  /// Another key of the organisation already has this linkage.
  case linkageTaken
  /// No organisation has this provider id (at the command line).
  case organisationNotFound
  /// The key belongs to another organisation.
  case keyOfAnotherOrganisation
  /// Another organisation has this provider id.
  case providerTaken
}
