import HTTPTypes
public import KeymeterDomain
import NIOCore

/// The sealed format: the status (2 bytes), the number of headers (2), each header's name and value (4 bytes of length,
/// then the text), and the body. Numbers are big-endian.
extension BufferedResponse: ReplayableResponse {
  /// The sealed format of this response.
  public var sealableBytes: [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt16(clamping: head.status.code))
    buffer.writeInteger(UInt16(clamping: head.headerFields.count))
    for field in head.headerFields {
      for text in [field.name.rawName, field.value] {
        buffer.writeInteger(UInt32(clamping: text.utf8.count))
        buffer.writeString(text)
      }
    }
    buffer.writeImmutableBuffer(body)
    return Array(buffer: buffer)
  }

  /// Reads the sealed format, or returns `nil` for anything else.
  public init?(sealableBytes: ArraySlice<UInt8>) {
    var buffer = ByteBuffer(bytes: sealableBytes)
    guard let status = buffer.readInteger(as: UInt16.self), (100...599).contains(status),
      let count = buffer.readInteger(as: UInt16.self)
    else { return nil }
    var headers = HTTPFields()
    for _ in 0..<count {
      guard let name = buffer.readText().flatMap({ HTTPField.Name($0) }), let value = buffer.readText() else {
        return nil
      }
      headers.append(HTTPField(name: name, value: value))
    }
    self.init(status: .init(code: Int(status)), headers: headers, body: buffer)
  }
}

extension ByteBuffer {
  fileprivate mutating func readText() -> String? {
    guard let length = readInteger(as: UInt32.self), let bytes = readSlice(length: Int(length)) else {
      return nil
    }
    return String(validating: bytes.readableBytesView, as: UTF8.self)
  }
}

/// A 409 is temporary and carries `Retry-After`. After a 422 the same request never succeeds.
extension IdempotencyRejection: ProblemConvertible {
  var problem: Problem {
    switch self {
    case .inFlight:
      Problem(
        status: .conflict, title: "A request with this Idempotency-Key is in flight.",
        detail: "The first request is still in progress. Retry this one shortly.",
        code: "idempotency_key_in_flight", headers: [.retryAfter: "1"])
    case .reused:
      Problem(
        status: .unprocessableContent, title: "The Idempotency-Key belongs to another request.",
        detail: "It was used with another path or body. This request changed nothing. "
          + "Use a new key for a new request.",
        code: "idempotency_key_reused")
    case .unreadable:
      Problem(
        status: .unprocessableContent, title: "The first response can't be replayed.",
        detail: "It was sealed with an earlier secret of this API key, before a rotation. "
          + "The first request took effect. This one changed nothing.",
        code: "idempotency_answer_unreadable")
    }
  }
}
