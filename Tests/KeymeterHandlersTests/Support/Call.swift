import HTTPTypes
import Hummingbird
import KeymeterDomain
import NIOCore

/// A request with exactly what the test sets.
struct Call: Sendable {
  static let path = "/api/v1/api-key"

  var method: HTTPRequest.Method
  var uri: String
  var headers: HTTPFields = [:]
  var body: [UInt8]?

  init(_ method: HTTPRequest.Method, _ uri: String = Call.path) {
    self.method = method
    self.uri = uri
  }

  /// A call of the Scrubs dialect with both credential headers.
  static func scrubs(
    _ method: HTTPRequest.Method, query: String = "", by credentials: Credentials, json: String? = nil
  ) -> Call {
    var call = Call(method, path + query)
    call.headers[.keyHeader] = credentials.secret.revealed
    call.headers[.providerHeader] = credentials.provider?.rawValue
    return json.map { call.sending(Array($0.utf8)) } ?? call
  }

  /// The same call with a body.
  func sending(_ body: [UInt8], as contentType: String? = "application/json") -> Call {
    var call = self
    call.body = body
    call.headers[.contentType] = contentType
    return call
  }

  /// The same call with a header set or removed.
  func with(_ name: HTTPField.Name, _ value: String?) -> Call {
    var call = self
    call.headers[name] = value
    return call
  }

  /// The same call with another line of a header.
  func adding(_ name: HTTPField.Name, _ value: String) -> Call {
    var call = self
    call.headers.append(HTTPField(name: name, value: value))
    return call
  }

  var buffer: ByteBuffer? { body.map { ByteBuffer(bytes: $0) } }
}
