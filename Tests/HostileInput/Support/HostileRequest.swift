import HTTPTypes

/// A request by an attacker.
struct HostileRequest: Sendable, CustomStringConvertible {
  var method: HTTPRequest.Method
  var path: String
  /// The raw query after the question mark.
  var query = ""
  var headers: HTTPFields
  var body: [UInt8]?

  var uri: String { query.isEmpty ? path : "\(path)?\(query)" }

  /// Enough to repeat the request by hand.
  ///
  /// Long texts are truncated.
  var description: String {
    let fields = headers.map { "\($0.name): \(Self.readable(Array($0.value.utf8)))" }.joined(separator: " | ")
    let body = body.map { " body(\($0.count)) \(Self.readable($0))" } ?? ""
    return "\(method) \(Self.readable(Array(uri.utf8))) [\(fields)]\(body)"
  }

  private static func readable(_ bytes: [UInt8]) -> String {
    let shown = bytes.prefix(300).map { byte in
      (0x20..<0x7F).contains(byte) ? String(Unicode.Scalar(byte)) : "\\x" + String(byte, radix: 16)
    }.joined()
    // The keys belong to a test's own cluster, but redacting them is a good habit.
    return shown.replacing(/sk_(live|stag|dev)_[0-9A-Za-z]{30,}/, with: "sk_…")
      + (bytes.count > 300 ? "…" : "")
  }

  /// The text percent-encoded.
  static func encoded(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: String(Unicode.Scalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }.joined()
  }
}
