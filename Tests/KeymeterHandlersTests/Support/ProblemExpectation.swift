import HTTPTypes
import Testing

@testable import KeymeterHandlers

/// Expects a response to be a problem in exactly the contract's form (§3).
///
/// - Parameters:
///   - title: the sentence that the Scrubs dialect's reference fixes, or `nil` for any.
///   - fields: the fields that a 400 must report, or `nil` for any.
func expectProblem(
  _ answer: Answer, _ status: Int, code: String, title: String? = nil, fields: [String]? = nil,
  _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(answer.status == status, comment, sourceLocation: sourceLocation)
  let object = try answer.object
  let sentence = try answer.text("title")
  #expect(sentence == title ?? sentence && sentence.hasSuffix("."), comment, sourceLocation: sourceLocation)
  #expect(object["code"] == .string(code), comment, sourceLocation: sourceLocation)
  #expect(object["type"] == .string("urn:keymeter:problem:\(code)"), sourceLocation: sourceLocation)
  #expect(object["status"] == .number("\(status)"), sourceLocation: sourceLocation)
  let detail = try answer.text("detail")
  #expect(detail.hasSuffix(".") && detail.count > 10, comment, sourceLocation: sourceLocation)
  let members = ["type", "title", "status", "detail", "code", "request_id"]
  #expect(object.names == (status == 400 ? members + ["errors"] : members), sourceLocation: sourceLocation)
  try expectErrors(of: answer, fields: fields, comment, sourceLocation: sourceLocation)
  #expect(
    answer.headers[values: .contentType] == ["application/problem+json"], sourceLocation: sourceLocation)
  #expect(answer.headers[values: .cacheControl] == ["no-store"], sourceLocation: sourceLocation)
  let requestID = try answer.text("request_id")
  #expect(answer.headers[values: .requestIDHeader] == [requestID], sourceLocation: sourceLocation)
  #expect(!requestID.isEmpty, sourceLocation: sourceLocation)
}

private func expectErrors(
  of answer: Answer, fields: [String]?, _ comment: Comment?, sourceLocation: SourceLocation
) throws {
  guard answer.status == 400 else { return }
  guard case .array(let errors)? = try answer.object["errors"] else {
    Issue.record("errors is not an array", sourceLocation: sourceLocation)
    return
  }
  #expect(!errors.isEmpty, "a 400 must report at least one error", sourceLocation: sourceLocation)
  for error in errors {
    guard case .object(let error) = error, case .string? = error["field"],
      case .string(let message)? = error["message"]
    else {
      Issue.record("an error without its field or message", sourceLocation: sourceLocation)
      continue
    }
    #expect(error.names == ["field", "message"], sourceLocation: sourceLocation)
    #expect(!message.isEmpty, sourceLocation: sourceLocation)
  }
  guard let fields else { return }
  #expect(try answer.rejectedFields == fields, comment, sourceLocation: sourceLocation)
}
