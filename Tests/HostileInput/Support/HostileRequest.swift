import HTTPTypes

/// A request as somebody with no good in mind makes it.
struct HostileRequest: Sendable, CustomStringConvertible {
  var method: HTTPRequest.Method
  var path: String
  /// As it is written behind the question mark.
  var query = ""
  var headers: HTTPFields
  var body: [UInt8]?

  var uri: String { query.isEmpty ? path : "\(path)?\(query)" }

  /// Enough of it to make it again by hand; long texts are cut.
  var description: String {
    let fields = headers.map { "\($0.name): \(Self.readable(Array($0.value.utf8)))" }.joined(separator: " | ")
    let body = body.map { " body(\($0.count)) \(Self.readable($0))" } ?? ""
    return "\(method) \(Self.readable(Array(uri.utf8))) [\(fields)]\(body)"
  }

  private static func readable(_ bytes: [UInt8]) -> String {
    let shown = bytes.prefix(300).map { byte in
      (0x20..<0x7F).contains(byte) ? String(Unicode.Scalar(byte)) : "\\x" + String(byte, radix: 16)
    }.joined()
    // Keys of a test's own cluster: of no use to anybody, but a habit worth keeping.
    return shown.replacing(/sk_(live|stag|dev)_[0-9A-Za-z]{30,}/, with: "sk_…")
      + (bytes.count > 300 ? "…" : "")
  }

  /// A text as a query has it.
  static func encoded(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: String(Unicode.Scalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }.joined()
  }
}
