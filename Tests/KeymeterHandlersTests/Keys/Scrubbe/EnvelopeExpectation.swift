import HTTPTypes
import Testing

@testable import KeymeterHandlers

/// Expects an error in exactly the contract's envelope (§4).
///
/// - Parameter fields: the fields in `errors`, in order.
func expectRejection(
  _ answer: Answer, _ status: Int, code: String, fields: [String] = [],
  _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(answer.status == status, comment, sourceLocation: sourceLocation)
  let object = try answer.object
  #expect(
    object.names == ["success", "message", "errors", "code", "requestId"], comment,
    sourceLocation: sourceLocation)
  #expect(object["success"] == .bool(false), comment, sourceLocation: sourceLocation)
  #expect(object["code"] == .string(code), comment, sourceLocation: sourceLocation)
  let message = try answer.text("message")
  #expect(message.hasSuffix(".") && message.count > 10, comment, sourceLocation: sourceLocation)
  guard case .array(let errors)? = object["errors"] else {
    Issue.record("errors is not an array", sourceLocation: sourceLocation)
    return
  }
  #expect(try answer.rejectedFields == fields, comment, sourceLocation: sourceLocation)
  for case .object(let error) in errors {
    #expect(error.names == ["field", "message"], sourceLocation: sourceLocation)
    #expect(error.text("message")?.isEmpty == false, sourceLocation: sourceLocation)
  }
  #expect(answer.headers[values: .contentType] == ["application/json"], sourceLocation: sourceLocation)
  #expect(answer.headers[values: .cacheControl] == ["no-store"], sourceLocation: sourceLocation)
  let requestID = try answer.text("requestId")
  #expect(answer.headers[values: .requestIDHeader] == [requestID], sourceLocation: sourceLocation)
}

/// Expects a success in the contract's envelope.
func expectSuccess(
  _ answer: Answer, _ status: Int, _ message: String, members: [String] = ["success", "message", "data"],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  #expect(answer.status == status, sourceLocation: sourceLocation)
  let object = try answer.object
  #expect(object.names == members, sourceLocation: sourceLocation)
  #expect(object["success"] == .bool(true), sourceLocation: sourceLocation)
  #expect(object["message"] == .string(message), sourceLocation: sourceLocation)
  #expect(answer.headers[values: .contentType] == ["application/json"], sourceLocation: sourceLocation)
  #expect(answer.headers[values: .cacheControl] == ["no-store"], sourceLocation: sourceLocation)
}

/// A key's metadata by contract §4.
enum ScrubbeMetadata {
  static let published = ["id", "name", "environment", "scopes", "expiresAt", "createdAt", "status"]
  static let further = [
    "root", "usageLimit", "monthlyTokenLimit", "monthlySttSecsLimit", "linkageId", "keyHint", "revokedAt",
    "lastUsedAt",
  ]
  static let names = published + further
  static let issued = published + ["key", "rawKey"] + further
}
