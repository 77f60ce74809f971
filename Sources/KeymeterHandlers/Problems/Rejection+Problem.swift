import HTTPTypes
import KeymeterDomain

/// Titles are the sentences of the Scrubs dialect's published reference.
extension Rejection: ProblemConvertible {
  var problem: Problem {
    switch self {
    case .credentialsMissing, .notAuthentic:
      .authenticationFailed("The request does not carry an active API key.")
    case .unknownProvider, .organisationNotFound:
      Problem(
        status: .badRequest, title: "Provider ID is invalid.",
        detail: "The X-Scrubs-Clinic-Provider header does not name a known organisation.",
        code: "provider_invalid",
        violations: [
          FieldViolation(field: "X-Scrubs-Clinic-Provider", message: "does not name a known organisation")
        ])
    case .addressNotAllowed:
      .forbidden(
        "Not permitted.", "The key is not allowed from this client address.", "address_not_allowed")
    case .rootKeyRequired:
      .forbidden("Root API key is required.", "This operation needs a root key.", "root_key_required")
    case .rootKeyRequiredToList:
      .forbidden(
        "Root API key is required for list_all=true.", "A child key can retrieve only its own metadata.",
        "root_key_required")
    case .otherRootKey:
      .forbidden(
        "Cannot update another root key.", "A root key can update itself and child keys.", "other_root_key")
    case .rootKeyNotDeletable:
      .forbidden(
        "Cannot delete a root key.", "A root key can delete child keys only.", "root_key_not_deletable")
    case .scopeRequired(let scope):
      .forbidden(
        "Root API key or scope is required.", "This operation needs a root key or the scope \(scope).",
        "scope_required")
    case .rootKeyProtected:
      .forbidden("Root API key is required.", "Only a root key can manage a root key.", "root_key_protected")
    case .beyondOwnAuthority:
      .forbidden(
        "Not permitted.", "The key would exceed the calling key's own permissions.", "beyond_own_authority")
    case .lastRootKey:
      .conflict(
        "The last root key must stay.", "The organisation would be left without an active root key.",
        "last_root_key")
    case .keyNotActive(let status):
      .conflict(
        "The key is not active.", "The key is \(status.rawValue) and can't be rotated.", "key_not_active")
    case .valueSuperseded:
      .conflict(
        "The key has been rotated.",
        "A rotation replaced the presented secret. Only the key's current secret can rotate it again.",
        "key_value_superseded")
    case .keyNotFound:
      Problem(
        status: .notFound, title: "API key was not found.",
        detail: "The organisation has no key with this id.", code: "key_not_found")
    case .keyOfAnotherOrganisation:
      .forbidden(
        "Not permitted.", "The key belongs to another organisation.", "key_of_another_organisation")
    case .linkageTaken:
      .conflict(
        "A conflicting managed key already exists.",
        "The linkage is already in use within this organisation.", "linkage_taken")
    case .providerTaken:
      .conflict("The provider ID is taken.", "Another organisation has this provider ID.", "provider_taken")
    }
  }
}
