import SystemPackage

/// Builds libpq connection URIs; every part is percent-encoded.
enum ConnectionURL {
  static func socket(database: String, role: String, directory: FilePath, port: Int) -> String {
    "postgresql://\(encoded(role))@/\(encoded(database))?host=\(encoded(directory.string))&port=\(port)"
  }

  static func tcp(database: String, role: String, password: String?, port: Int) -> String {
    let secret = password.map { ":" + encoded($0) } ?? ""
    return "postgresql://\(encoded(role))\(secret)@127.0.0.1:\(port)/\(encoded(database))"
  }

  /// Leaves only RFC 3986's unreserved characters as they are.
  private static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return text.utf8.reduce(into: "") { result, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
      }
    }
  }
}
