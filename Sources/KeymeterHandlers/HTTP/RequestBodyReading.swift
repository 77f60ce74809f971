import HTTPTypes
import Hummingbird
import KeymeterDomain
import NIOCore
import NIOHTTP1

/// What is wrong with a request's form, before its meaning is looked at.
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

/// What is wrong with one part of a request.
struct FieldViolation: Equatable {
  let field: String
  let message: String
}

extension ValidationFailure {
  /// The same errors as the wire has them.
  var violations: [FieldViolation] {
    errors.map { FieldViolation(field: $0.field, message: $0.message) }
  }
}

/// Reads request bodies that are one JSON object.
enum JSONBody {
  /// The longest body that is read: 64 KiB (contract §3).
  static let largest = 64 * 1024

  /// Reads the body whole and takes its members apart.
  ///
  /// - Parameter parse: makes a value of the members; what it leaves untouched is refused as unknown.
  /// - Returns: the value, or why there is none. It is returned rather than thrown, because a caller learns
  ///   what is wrong with its body only when it has been authenticated.
  static func read<Value>(
    _ request: Request, _ parse: (inout BodyMembers) -> Value?
  ) async -> Result<Value, any Error> {
    do {
      let bytes = try await bytes(of: request)
      return .success(try value(from: bytes, parse))
    } catch {
      return .failure(error)
    }
  }

  /// Reads a body that may be left out, which says the same as `{}`.
  ///
  /// What is no body needs no media type: most clients send none with an empty POST.
  static func readOptional<Value>(
    _ request: Request, _ parse: (inout BodyMembers) -> Value?
  ) async -> Result<Value, any Error> {
    do {
      let bytes = try await bytes(of: request, emptyNeedsType: false)
      return .success(try value(from: orEmptyObject(bytes), parse))
    } catch {
      return .failure(error)
    }
  }

  /// What a body that may be left out says.
  static func orEmptyObject(_ bytes: [UInt8]) -> [UInt8] { bytes.isEmpty ? Array("{}".utf8) : bytes }

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
        FieldViolation(field: "", message: "is not framed as HTTP/1.1 has it")
      ])
    }
  }

  /// Whether a media type is JSON's; parameters such as `charset` don't matter, JSON being UTF-8 (RFC 8259).
  private static func isJSON(_ contentType: String?) -> Bool {
    let parts = contentType?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
    guard var mediaType = parts?.first else { return false }
    while mediaType.last == " " || mediaType.last == "\t" { mediaType.removeLast() }
    return mediaType.lowercased() == "application/json"
  }

  static func value<Value>(
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
    members.refuseUnknown()
    guard let value, members.violations.isEmpty else { throw .invalidBody(members.violations) }
    return value
  }
}
