import HTTPTypes
import KeymeterDomain
import Logging

/// The log line of a request.
///
/// It has the route, never the path, because paths and queries may hold secrets.
enum RequestLog {
  /// Adds a request's id and its trace, if any, to a logger's metadata.
  static func name(_ logger: inout Logger, _ requestID: RequestID, _ headers: HTTPFields) {
    logger[metadataKey: "request_id"] = .string(requestID.rawValue)
    guard let parent = TraceParent(headers) else { return }
    logger[metadataKey: "trace_id"] = .string(parent.traceID)
    logger[metadataKey: "parent_id"] = .string(parent.parentID)
  }

  /// - Parameter caller: the key of the request and its organisation, where they are known.
  static func answered(
    _ route: (path: String, method: String), _ status: Int, after nanoseconds: Int64,
    _ caller: CallerIdentity?, at level: Logger.Level, to logger: Logger
  ) {
    var fields: Logger.Metadata = [
      "route": .string(route.path), "method": .string(route.method), "status": .stringConvertible(status),
      "duration_ms": .string(milliseconds(nanoseconds)),
    ]
    if let caller {
      fields["organisation_id"] = .string(caller.organisationID.rawValue)
      fields["key_id"] = .string(caller.keyID.rawValue)
    }
    logger.log(level: level, "request", metadata: fields)
  }

  /// Formats with three decimal places.
  static func milliseconds(_ nanoseconds: Int64) -> String {
    let microseconds = nanoseconds / 1_000
    let rest = String(microseconds % 1_000)
    return "\(microseconds / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }
}

/// The trace that a request belongs to, from its `traceparent` header.
///
/// W3C Trace Context, section 3.2: https://www.w3.org/TR/trace-context/#traceparent-header
struct TraceParent: Sendable, Hashable {
  /// 32 hexadecimal digits.
  let traceID: String
  /// 16 hexadecimal digits: the client's span.
  let parentID: String

  /// Reads a header value, or fails if it is malformed.
  ///
  /// The request then has no trace.
  ///
  /// Later versions than 00 may append more parts after another hyphen, which are ignored.
  init?(_ value: String) {
    let bytes = Array(value.utf8)
    let hyphen = UInt8(ascii: "-")
    guard bytes.count >= 55, bytes[2] == hyphen, bytes[35] == hyphen, bytes[52] == hyphen else { return nil }
    let (version, trace, parent, flags) = (bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55])
    guard [version, trace, parent, flags].allSatisfy({ $0.allSatisfy(Self.isDigit) }) else { return nil }
    // The version ff and ids of zeros are invalid.
    guard !version.elementsEqual("ff".utf8), trace.contains(where: Self.isNotZero),
      parent.contains(where: Self.isNotZero)
    else { return nil }
    let isFirst = version.elementsEqual("00".utf8)
    guard bytes.count == 55 || (!isFirst && bytes[55] == hyphen) else { return nil }
    traceID = String(decoding: trace, as: UTF8.self)
    parentID = String(decoding: parent, as: UTF8.self)
  }

  /// Fails if a request has no `traceparent`, a malformed one, or several.
  init?(_ headers: HTTPFields) {
    guard let value = headers.single(.traceParent) else { return nil }
    self.init(value)
  }

  /// Upper-case digits are invalid.
  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  private static func isNotZero(_ byte: UInt8) -> Bool { byte != UInt8(ascii: "0") }
}
