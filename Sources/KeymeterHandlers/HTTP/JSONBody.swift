import HTTPTypes
import Hummingbird
import KeymeterDomain
import NIOCore
import NIOHTTP1

/// A request body that was read but not decoded yet.
///
/// Decoding also throws the errors of reading. It runs after authentication, so that only an authentic caller learns what
/// is wrong with its body.
struct JSONBody: Sendable {
  /// The largest body: 64 KiB (contract §3).
  static let largest = 64 * 1024

  private let request: Request
  private let bytes: Result<[UInt8], any Error>

  /// Reads the body.
  ///
  /// - Parameter optional: an empty body counts as `{}` and needs no media type, because most clients send none with an
  ///   empty POST.
  init(reading request: Request, optional: Bool = false) async {
    self.request = request
    do {
      let bytes = try await Self.bytes(of: request, emptyNeedsType: !optional)
      self.bytes = .success(optional && bytes.isEmpty ? Array("{}".utf8) : bytes)
    } catch {
      bytes = .failure(error)
    }
  }

  /// Decodes the body as one JSON object.
  ///
  /// - Parameter parse: builds a value from the members. Members that it doesn't take are rejected as unknown.
  /// - Throws: `RequestRejection`.
  func decode<Value>(_ parse: (inout BodyMembers) -> Value?) throws -> Value {
    try Self.value(from: bytes.get(), parse)
  }

  /// Decodes the body and `Idempotency-Key`.
  ///
  /// - Parameter secret: the presented key.
  /// - Throws: `RequestRejection`.
  func decodeRepeatable<Value>(
    by secret: KeySecret, _ parse: (inout BodyMembers) -> Value?
  ) throws -> (Value, IdempotentRequest?) {
    let bytes = try bytes.get()
    let repeatable = try IdempotentRequest(reading: request, body: bytes, by: secret)
    return (try Self.value(from: bytes, parse), repeatable)
  }

  static func bytes(
    of request: Request, emptyNeedsType: Bool = true, upTo largest: Int = largest
  ) async throws -> [UInt8] {
    let isJSON = isJSON(request.headers[.contentType])
    guard isJSON || !emptyNeedsType else { throw RequestRejection.unsupportedMediaType }
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > largest {
      throw RequestRejection.contentTooLarge
    }
    do {
      let bytes = Array(buffer: try await request.body.collect(upTo: largest))
      guard isJSON || bytes.isEmpty else { throw RequestRejection.unsupportedMediaType }
      return bytes
    } catch is NIOTooManyBytesError {
      throw RequestRejection.contentTooLarge
    } catch is HTTPParserError {
      throw RequestRejection.invalidBody([
        FieldViolation(field: "", message: "is not framed as HTTP/1.1 requires")
      ])
    }
  }

  /// Parameters such as `charset` are ignored, because JSON is always UTF-8 (RFC 8259).
  private static func isJSON(_ contentType: String?) -> Bool {
    let parts = contentType?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
    guard var mediaType = parts?.first else { return false }
    while mediaType.last == " " || mediaType.last == "\t" { mediaType.removeLast() }
    return mediaType.lowercased() == "application/json"
  }

  private static func value<Value>(
    from bytes: [UInt8], _ parse: (inout BodyMembers) -> Value?
  ) throws(RequestRejection) -> Value {
    let document: JSONValue
    do {
      document = try JSONReader.read(bytes)
    } catch {
      throw .invalidBody([FieldViolation(field: "", message: "is not valid JSON: \(error)")])
    }
    guard case .object(let object) = document else {
      throw .invalidBody([FieldViolation(field: "", message: "must be a JSON object")])
    }
    var members = BodyMembers(object)
    let value = parse(&members)
    members.rejectUnknown()
    guard let value, members.violations.isEmpty else { throw .invalidBody(members.violations) }
    return value
  }
}
