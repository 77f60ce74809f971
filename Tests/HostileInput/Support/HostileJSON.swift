/// Valid and almost valid JSON.
enum HostileJSON {
  /// JSON text for a member's value.
  static let values: [String] = scalars + numbers + strings + containers

  private static let scalars = [
    "null", "true", "false", "nul", "True", "undefined", "NaN", "Infinity", "-", "+1", "",
  ]

  private static let numbers = [
    "0", "-0", "-0.0", "0e0", "1e400", "-1e400", "1e-400", "1e999999999999999999999", "9007199254740991",
    "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808",
    "18446744073709551616",
    "-1", "-9223372036854775809", "0.5", "1.0", "1e2", "100e-2", "1.00000000000000000000000000000001", "01",
    "1.",
    ".5", "1e", "0x10", "1_000", "604800", "604801", "86400", "86401",
    "1" + String(repeating: "0", count: 20_000), "0." + String(repeating: "0", count: 20_000) + "1",
  ]

  private static let strings = [
    #""""#, #""\u0000""#, #""a\u0000b""#, #""\ud800""#, #""\udc00""#, #""\udc00\ud800""#, #""\ud83d\ude00""#,
    #""\ud800\u0041""#, #""\uD800\"#, #""\x41""#, #""\u00""#, #""unended"#, #"'single'"#, "\"raw\nnewline\"",
    #""\/\b\f\n\r\t\\\"""#, #""incident\u0455:read""#, #""100""#, #""1e400""#,
  ]

  private static let containers = [
    "[]", "{}", "[[]]", "[null]", "[1]", #"[""]"#, #"["*","*"]"#, #"{"a":1}"#, "[1,]", "{,}", #"{"a"}"#,
    #"{"a":}"#,
    #"{"a":1,"a":2}"#, #"{"__proto__":{}}"#, "[" + String(repeating: #""a:b","#, count: 100) + #""a:b"]"#,
    "[" + String(repeating: "0,", count: 10_000) + "0]", nested("[", "]", 33), nested(#"{"a":"#, "}", 33),
    nested("[", "]", 20_000), nested(#"{"a":"#, "}", 8_000), String(repeating: "[", count: 60_000),
  ]

  private static func nested(_ open: String, _ close: String, _ depth: Int) -> String {
    String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
  }

  /// Complete bodies.
  static let bodies: [[UInt8]] =
    (values + ["{", "}", #"{"a":1}{"b":2}"#, #"{"a":1} x"#, "/* c */{}", " ", "\n\t {} \r\n"]).map {
      Array($0.utf8)
    }
    + [
      [0xEF, 0xBB, 0xBF, 0x7B, 0x7D], [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00], [0x00, 0x7B, 0x00, 0x7D],
      [0x7B, 0x7D, 0x00], Array(repeating: 0x20, count: 65_536), Array(repeating: 0x20, count: 65_537),
      Array(repeating: 0x7B, count: 1 << 20), Array(repeating: 0x00, count: 1_000),
    ]
    + HostileBytes.pieces.map { Array(#"{"friendly_name":""#.utf8) + $0 + Array(#""}"#.utf8) }

  /// A JSON string, with everything but plain ASCII escaped.
  static func string(_ text: String) -> String {
    var result = "\""
    for unit in text.utf16 {
      if unit >= 0x20, unit < 0x7F, unit != 0x22, unit != 0x5C, let scalar = Unicode.Scalar(unit) {
        result.unicodeScalars.append(scalar)
      } else {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result + "\""
  }
}
