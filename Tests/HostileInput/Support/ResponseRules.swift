import HTTPTypes
import HummingbirdTesting
import NIOCore

@testable import KeymeterHandlers

/// The rules for the response to any request.
enum ResponseRules {
  /// All statuses of the contract except those that only a server fault explains.
  private static let statuses: Set<Int> = [200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429]

  /// - Returns: the response's faults, or an empty array.
  static func faults(of response: TestResponse, to request: HostileRequest) -> [String] {
    let status = response.status.code
    guard statuses.contains(status) else { return ["the status is not in the contract"] }
    let bytes = Array(response.body.readableBytesView)
    if request.method == .head { return bytes.isEmpty ? [] : ["HEAD got a body"] }
    guard case .object(let object)? = try? JSONReader.read(bytes, depthLimit: 64) else {
      return ["the body is not a JSON object"]
    }
    let type = response.headers[values: .contentType]
    guard status >= 400 else { return type == ["application/json"] ? [] : ["the content type is \(type)"] }
    let isEnvelope = ScrubbeEnvelope.covers(path: String(request.path.prefix { $0 != "?" && $0 != "#" }))
    var faults = isEnvelope ? envelopeFaults(object) : problemFaults(object, status: status)
    let expected = isEnvelope ? "application/json" : "application/problem+json"
    if type != [expected] { faults.append("the content type is \(type)") }
    if response.headers[values: .cacheControl] != ["no-store"] { faults.append("it can be cached") }
    let requestID = object[isEnvelope ? "requestId" : "request_id"]
    if response.headers[values: .hostile("X-Request-Id")].map(JSONValue.string) != [requestID] {
      faults.append("the request id differs")
    }
    let whole = String(decoding: bytes, as: UTF8.self) + response.headers.map { "\($0)" }.joined()
    if whole.contains(/sk_(live|stag|dev)_[0-9A-Za-z]{30}/) { faults.append("it contains a key") }
    return faults
  }

  private static func problemFaults(_ object: JSONObject, status: Int) -> [String] {
    var faults = ["type", "title", "detail", "code", "request_id"].filter { !isText(object[$0]) }
      .map { "\($0) is not a string" }
    if object["status"] != .number(JSONNumber(verified: String(status))) { faults.append("status differs") }
    if status == 400 { faults += errorFaults(object["errors"], mayBeEmpty: false) }
    return faults
  }

  private static func envelopeFaults(_ object: JSONObject) -> [String] {
    var faults = ["message", "code", "requestId"].filter { !isText(object[$0]) }.map {
      "\($0) is not a string"
    }
    if object["success"] != .bool(false) { faults.append("success is not false") }
    return faults + errorFaults(object["errors"], mayBeEmpty: true)
  }

  private static func errorFaults(_ value: JSONValue?, mayBeEmpty: Bool) -> [String] {
    guard case .array(let errors)? = value else { return ["errors is not an array"] }
    if errors.isEmpty, !mayBeEmpty { return ["a 400 without errors"] }
    let areWhole = errors.allSatisfy { error in
      guard case .object(let error) = error, case .string? = error["field"] else { return false }
      return isText(error["message"])
    }
    return areWhole ? [] : ["an error without its field or message"]
  }

  private static func isText(_ value: JSONValue?) -> Bool {
    if case .string(let text)? = value { !text.isEmpty } else { false }
  }
}
