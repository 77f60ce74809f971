import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

@testable import KeymeterHandlers

/// Expects a response to match `openapi.json`: status, headers, content type and body.
func expectDocumented(
  _ answer: Answer, to call: Call, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let document = try APIDocument.embedded.get()
  let what = "\(answer.status) to \(call.method) \(call.uri)"
  guard let response = try document.response(to: call, status: answer.status) else {
    Issue.record("openapi.json has no \(what)", sourceLocation: sourceLocation)
    return
  }
  let judged = DocumentedResponse(schemas: document.schemas, response: response)
  for fault in try judged.faults(of: answer, isHead: call.method == .head) {
    Issue.record("\(what): \(fault): \(answer.text.prefix(500))", sourceLocation: sourceLocation)
  }
}

/// A response object of the document that validates responses.
struct DocumentedResponse {
  let schemas: JSONSchema
  let response: JSONValue

  /// Headers of any HTTP response, which the document need not list (OpenAPI 3.1, §4.8.17.1).
  private static let ordinary: Set<HTTPField.Name> = [
    .contentType, .contentLength, .date, .server, .connection, .transferEncoding,
  ]

  func faults(of answer: Answer, isHead: Bool) throws -> [String] {
    try headerFaults(of: answer) + bodyFaults(of: answer, isHead: isHead)
  }

  private func headerFaults(of answer: Answer) throws -> [String] {
    var faults: [String] = []
    var known = Self.ordinary
    guard case .object(let headers) = response["headers"] ?? .object([:]) else {
      throw SchemaFault("headers is an object")
    }
    for member in headers.members {
      guard let name = HTTPField.Name(member.name) else {
        throw SchemaFault("\(member.name) is not a header name")
      }
      known.insert(name)
      let header = try schemas.resolved(member.value)
      guard let text = answer.headers[name] else {
        if header["required"] == .bool(true) { faults.append("\(member.name) is missing") }
        continue
      }
      let schema = header["schema"] ?? .bool(false)
      faults += try schemas.failures(of: value(of: text, by: schema), by: schema).map {
        "\(member.name)\($0)"
      }
    }
    for field in answer.headers where !known.contains(field.name) {
      faults.append("\(field.name) is unknown")
    }
    return faults
  }

  /// A header's text as a value of its schema's type.
  private func value(of text: String, by schema: JSONValue) throws -> JSONValue {
    switch try schemas.resolved(schema)["type"] {
    case .string("integer"), .string("boolean"): try JSONReader.read(text: text)
    default: .string(text)
    }
  }

  private func bodyFaults(of answer: Answer, isHead: Bool) throws -> [String] {
    let type = answer.headers[values: .contentType]
    guard type.count == 1, let schema = response["content"]?[type[0]]?["schema"] else {
      return ["the content type \(type) is unknown"]
    }
    if isHead { return answer.bytes.isEmpty ? [] : ["there is a body after HEAD"] }
    let body: JSONValue =
      type[0].hasPrefix("text/") ? .string(answer.text) : try JSONReader.read(answer.bytes, depthLimit: 64)
    return try schemas.failures(of: body, by: schema)
  }
}

extension TestClientProtocol {
  /// Sends a call and expects its response to match `openapi.json`.
  func answer(
    to call: Call, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Answer {
    let answer = Answer(
      try await execute(uri: call.uri, method: call.method, headers: call.headers, body: call.buffer))
    try expectDocumented(answer, to: call, sourceLocation: sourceLocation)
    return answer
  }
}
