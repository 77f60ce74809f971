import HTTPTypes

/// What a request's `traceparent` says: of which trace it is a part.
///
/// W3C Trace Context, section 3.2: https://www.w3.org/TR/trace-context/#traceparent-header
struct TraceParent: Sendable, Hashable {
  /// 32 hexadecimal digits.
  let traceID: String
  /// 16 hexadecimal digits: the caller's own part.
  let parentID: String

  /// Reads a value; `nil` where it isn't one, and the trace is then as good as none.
  ///
  /// Of a later version than 00 only these parts are read, whatever follows behind another hyphen.
  init?(_ value: String) {
    let bytes = Array(value.utf8)
    let hyphen = UInt8(ascii: "-")
    guard bytes.count >= 55, bytes[2] == hyphen, bytes[35] == hyphen, bytes[52] == hyphen else { return nil }
    let (version, trace, parent, flags) = (bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55])
    guard [version, trace, parent, flags].allSatisfy({ $0.allSatisfy(Self.isDigit) }) else { return nil }
    // ff is no version; all zeros are no id.
    guard !version.elementsEqual("ff".utf8), trace.contains(where: Self.isNotZero),
      parent.contains(where: Self.isNotZero)
    else { return nil }
    let isFirst = version.elementsEqual("00".utf8)
    guard bytes.count == 55 || (!isFirst && bytes[55] == hyphen) else { return nil }
    traceID = String(decoding: trace, as: UTF8.self)
    parentID = String(decoding: parent, as: UTF8.self)
  }

  /// The one that a request has; `nil` where it has none, a malformed one, or several.
  init?(_ headers: HTTPFields) {
    guard let value = headers.single(.traceParent) else { return nil }
    self.init(value)
  }

  /// Capital letters are none.
  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  private static func isNotZero(_ byte: UInt8) -> Bool { byte != UInt8(ascii: "0") }
}
