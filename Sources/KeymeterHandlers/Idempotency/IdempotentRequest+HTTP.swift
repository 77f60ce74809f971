import HTTPTypes
import Hummingbird
import KeymeterDomain

extension IdempotencyKey {
  /// Reads the header `Idempotency-Key`: a structured field string (RFC 9651, section 3.3.3), or the same text bare.
  ///
  /// `"abc"` and `abc` are the same key. A value that begins with a quotation mark must be exactly one string.
  ///
  /// - Returns: `nil` if the header is missing.
  /// - Throws: `RequestRejection.invalidHeader`.
  init?(reading headers: HTTPFields) throws(RequestRejection) {
    let values = headers[values: .idempotencyKey]
    guard let value = values.first else { return nil }
    guard values.count == 1 else { throw Self.rejection("must not be repeated") }
    guard let text = value.first == "\"" ? Self.unquoted(value) : value else {
      throw Self.rejection("begins with a quotation mark but is not a quoted string")
    }
    do {
      try self.init(validating: text)
    } catch {
      throw .invalidHeader(error.violations)
    }
  }

  /// The text between the quotation marks.
  ///
  /// Only `\"` and `\\` are escapes.
  private static func unquoted(_ value: String) -> String? {
    var text: [UInt8] = []
    var rest = value.utf8.dropFirst()
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return rest.isEmpty ? String(validating: text, as: UTF8.self) : nil
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
        else { return nil }
        text.append(escaped)
      default: text.append(byte)
      }
    }
    return nil
  }

  private static func rejection(_ message: String) -> RequestRejection {
    .invalidHeader([FieldViolation(field: header, message: message)])
  }
}

extension IdempotentRequest {
  /// Reads the request's idempotency key.
  ///
  /// - Parameters:
  ///   - body: the raw body.
  ///   - secret: the presented key.
  /// - Returns: `nil` if the request has no idempotency key.
  /// - Throws: `RequestRejection.invalidHeader`, which must be reported only to an authentic caller.
  init?(reading request: Request, body: [UInt8], by secret: KeySecret) throws(RequestRejection) {
    guard let name = try IdempotencyKey(reading: request.headers) else { return nil }
    let fingerprint = RequestFingerprint(
      method: request.method.rawValue, path: request.uri.path, body: body)
    self.init(name: name, fingerprint: fingerprint, secret: secret)
  }
}
