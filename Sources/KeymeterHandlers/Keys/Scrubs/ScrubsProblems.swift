import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging

/// The Scrubs dialect's one mapper from errors to problems.
///
/// Titles are the published reference's sentences.
struct ScrubsProblems: Sendable {
  /// What an error that nobody foresaw is called; creating a key has a sentence of its own.
  let unexpected: Problem

  static let standard = ScrubsProblems(
    unexpected: Problem(
      status: .internalServerError, title: "Unexpected server failure.",
      detail: "The request failed for a reason that is in the server's log.", code: "internal_error"))

  static let creating = ScrubsProblems(
    unexpected: Problem(
      status: .internalServerError, title: "API key creation failed.",
      detail: "The key was not created, for a reason that is in the server's log.",
      code: "creation_failed"))

  /// Runs a handler and answers its error.
  func answering(_ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      do {
        return try await handler(request, context)
      } catch {
        return problem(for: error, logger: context.logger).response(requestID: context.requestID)
      }
    }
  }

  func problem(for error: any Error, logger: Logger) -> Problem {
    switch error {
    case let refusal as Rejection: return problem(for: refusal)
    case let rejection as RequestRejection: return problem(for: rejection)
    case let failure as ValidationFailure:
      return invalidBody(failure.violations)
    case let refusal as IdempotencyRejection: return Problem(refusal)
    case let refusal as TooManyAuthFailures: return .tooManyFailures(refusal)
    case StoreError.unavailable(let reason):
      logger.warning("the database is unavailable", metadata: ["reason": .string(reason)])
      return .unavailable
    default:
      logger.error("unexpected error", metadata: ["error": .string(String(reflecting: error))])
      return unexpected
    }
  }

  private func problem(for rejection: RequestRejection) -> Problem {
    switch rejection {
    case .unsupportedMediaType: .unsupportedMediaType
    case .contentTooLarge: .contentTooLarge
    case .invalidBody(let violations): invalidBody(violations)
    case .invalidQuery(let violations):
      Problem(
        status: .badRequest, title: "Query is invalid.",
        detail: Problem.sentence(of: violations, subject: "The query"), code: "query_invalid",
        violations: violations)
    case .invalidHeader(let violations): .headerInvalid(violations)
    case .keyIDMissing:
      Problem(
        status: .badRequest, title: "API key ID is missing.", detail: "The id query parameter is required.",
        code: "key_id_missing", violations: [FieldViolation(field: "id", message: "is required")])
    }
  }

  private func invalidBody(_ violations: [FieldViolation]) -> Problem {
    Problem(
      status: .badRequest, title: "Request body is invalid.",
      detail: Problem.sentence(of: violations, subject: "The body"), code: "body_invalid",
      violations: violations)
  }

  private func problem(for refusal: Rejection) -> Problem {
    switch refusal {
    case .credentialsMissing:
      .authenticationFailed(
        "Both X-Scrubs-Clinic-Api-Key and X-Scrubs-Clinic-Provider are required, once each.")
    case .notAuthentic:
      .authenticationFailed("The API key is not an active key of this provider.")
    case .unknownProvider, .organisationNotFound:
      Problem(
        status: .badRequest, title: "Provider ID is invalid.",
        detail: "The X-Scrubs-Clinic-Provider header does not name a known organisation.",
        code: "provider_invalid",
        violations: [
          FieldViolation(field: "X-Scrubs-Clinic-Provider", message: "does not name a known organisation")
        ])
    case .addressNotAllowed:
      forbidden(
        "Not permitted.", "The key may not be used from the address that this call comes from.",
        "address_not_allowed")
    case .rootKeyRequired:
      forbidden("Root API key is required.", "This operation needs a root key.", "root_key_required")
    case .rootKeyRequiredToList:
      forbidden(
        "Root API key is required for list_all=true.", "A child key can retrieve only its own metadata.",
        "root_key_required")
    case .otherRootKey:
      forbidden(
        "Cannot update another root key.", "A root key can update itself and child keys.", "other_root_key")
    case .rootKeyNotDeletable:
      forbidden(
        "Cannot delete a root key.", "A root key can delete child keys only.", "root_key_not_deletable")
    case .scopeRequired(let scope):
      forbidden(
        "Root API key or scope is required.", "This operation needs a root key, or the scope \(scope).",
        "scope_required")
    case .rootKeyProtected:
      forbidden("Root API key is required.", "Only a root key can manage a root key.", "root_key_protected")
    case .beyondOwnAuthority:
      forbidden(
        "Not permitted.", "The key goes beyond what the calling key itself may do.", "beyond_own_authority")
    case .lastRootKey:
      conflict(
        "The last root key must stay.", "The organisation would be left without an active root key.",
        "last_root_key")
    case .keyNotActive(let status):
      conflict(
        "The key is not active.", "The key is \(status.rawValue), and so can't be rotated.", "key_not_active")
    case .valueSuperseded:
      conflict(
        "The key has been rotated.",
        "The presented value was replaced by a rotation: only the key's present value can rotate it again.",
        "key_value_superseded")
    case .keyOfAnotherOrganisation, .keyNotFound:
      Problem(
        status: .notFound, title: "API key was not found.",
        detail: "The organisation has no key with this id.", code: "key_not_found")
    case .linkageTaken:
      conflict(
        "A conflicting managed key already exists.",
        "The linkage is already in use within this organisation.", "linkage_taken")
    case .providerTaken:
      conflict("The provider ID is taken.", "Another organisation has this provider ID.", "provider_taken")
    }
  }

  private func forbidden(_ title: String, _ detail: String, _ code: String) -> Problem {
    Problem(status: .forbidden, title: title, detail: detail, code: code)
  }

  private func conflict(_ title: String, _ detail: String, _ code: String) -> Problem {
    Problem(status: .conflict, title: title, detail: detail, code: code)
  }
}
