import HTTPTypes
import KeymeterDomain

/// A request with an invalid form.
enum RequestRejection: Error, Equatable {
  /// The body is not declared to be JSON.
  case unsupportedMediaType
  /// The body is longer than `JSONBody.largest` bytes.
  case contentTooLarge
  /// The body is not the JSON that the operation takes.
  case invalidBody([FieldViolation])
  /// The query is not what the operation takes.
  case invalidQuery([FieldViolation])
  /// A header is not what the operation takes.
  case invalidHeader([FieldViolation])
  /// The query lacks the id of the key to delete.
  case keyIDMissing
}

/// One invalid part of a request.
struct FieldViolation: Equatable {
  /// The field's name, or empty for the whole body, query or header.
  let field: String
  let message: String
}

extension RequestRejection: ProblemConvertible {
  var problem: Problem {
    switch self {
    case .unsupportedMediaType:
      Problem(
        status: .unsupportedMediaType, title: "Request body is not JSON.",
        detail: "Send the body as Content-Type: application/json.", code: "unsupported_media_type")
    case .contentTooLarge:
      Problem(
        status: .contentTooLarge, title: "Request body is too large.",
        detail: "A body may have at most \(JSONBody.largest) bytes.", code: "body_too_large")
    case .invalidBody(let violations):
      .badRequest("Request body is invalid.", "body_invalid", violations, subject: "The body")
    case .invalidQuery(let violations):
      .badRequest("Query is invalid.", "query_invalid", violations, subject: "The query")
    case .invalidHeader(let violations):
      .badRequest("Request header is invalid.", "header_invalid", violations, subject: "A header")
    case .keyIDMissing:
      Problem(
        status: .badRequest, title: "API key ID is missing.", detail: "The id query parameter is required.",
        code: "key_id_missing", violations: [FieldViolation(field: "id", message: "is required")])
    }
  }
}

extension ValidationFailure: ProblemConvertible {
  var violations: [FieldViolation] {
    errors.map { FieldViolation(field: $0.field, message: $0.message) }
  }

  var problem: Problem { RequestRejection.invalidBody(violations).problem }
}
