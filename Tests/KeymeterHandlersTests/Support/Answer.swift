import HTTPTypes
import HummingbirdTesting
import NIOCore

@testable import KeymeterHandlers

/// A response, with accessors for tests.
struct Answer: Sendable {
  let status: Int
  let headers: HTTPFields
  let bytes: [UInt8]

  init(_ response: TestResponse) {
    status = response.status.code
    headers = response.headers
    bytes = Array(response.body.readableBytesView)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The body as a JSON object.
  var object: JSONObject {
    get throws {
      guard case .object(let object) = try JSONReader.read(bytes) else {
        throw NotAnObject()
      }
      return object
    }
  }

  /// A string member of the body.
  func text(_ name: String) throws -> String {
    guard case .string(let text)? = try object[name] else { throw NoSuchText(name: name) }
    return text
  }

  /// The fields that a 400 reports, in order.
  var rejectedFields: [String] {
    get throws {
      guard case .array(let errors)? = try object["errors"] else { return [] }
      return errors.compactMap { error in
        guard case .object(let error) = error, case .string(let field)? = error["field"] else { return nil }
        return field
      }
    }
  }
}

/// The body is not an object.
struct NotAnObject: Error {}

/// A member is missing or not a string.
struct NoSuchText: Error {
  let name: String
}

extension JSONObject {
  /// The names of the members, in order.
  var names: [String] { members.map(\.name) }
}
