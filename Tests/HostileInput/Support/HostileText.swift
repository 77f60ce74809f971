/// Texts that have broken other services.
///
/// Tests try each wherever a request can have a text.
enum HostileText {
  /// As text, before encoding for JSON, a header or a query.
  static let all: [String] = empty + control + unicode + homoglyphs + injections + numbers + keys + long

  /// Texts that could break a store.
  ///
  /// For the store all others are alike.
  static let forStores: [String] =
    control + injections + ["\u{FFFE}", "\u{10FFFF}", "e\u{301}", "\u{202E}llit"]

  private static let empty = [
    "", " ", "\t", "  \u{A0} ", "null", "undefined", "true", "[object Object]", "*", ":*",
  ]

  private static let control = [
    "\0", "a\0b", "Till\0", "\u{1}", "\u{8}\u{7F}", "a\nb", "a\r\nX-Injected: yes", "\u{85}", "\u{9F}",
  ]

  /// Lone surrogates and overlong forms can't be Swift strings.
  ///
  /// They are in `HostileBytes`.
  private static let unicode = [
    "\u{FEFF}Till", "\u{FFFD}", "\u{FFFE}", "\u{FFFF}", "\u{202E}llit", "\u{200B}", "a\u{200D}b", "\u{2028}",
    "\u{202A}Till\u{202C}", "\u{2067}Till\u{2069}", "\u{200F}Till", "\u{61C}", "Ti\u{AD}ll", "Ti\u{2060}ll",
    "\u{E0054}\u{E0069}ll", "\u{200D}", "\u{3164}", "\u{2029}",
    "e\u{301}", "\u{E9}", "\u{1F9D1}\u{200D}\u{1F4BB}", "\u{10FFFF}", "Z\u{351}\u{36B}\u{343}\u{36A}", "ß",
    "İ",
    "\u{1100}\u{1161}\u{11A8}", "ﷺ",
  ]

  /// Scopes, environments and names that look like others.
  private static let homoglyphs = [
    "incident\u{455}:read", "incidents\u{FF1A}read", "apikeys\u{A789}write", "\u{FF0A}",
    "apike\u{443}s:write",
    "\u{39F}RODUCTION", "PR\u{41E}DUCTION", "PRODUCTION\u{200B}", "ＰＲＯＤＵＣＴＩＯＮ", "\u{212A}ey", "h\u{43E}me",
    "incidents:re\u{430}d", "INCIDENTS:READ",
  ]

  private static let injections = [
    "'", "\"", "\\", "`", "';--", "' OR '1'='1", "'; DROP TABLE keymeter.api_keys; --",
    "1; SELECT pg_sleep(10)",
    "$1", "$$", "E'\\\\x00'", "\\x00", "{}", "{\"a\":1}", "{1,2}", "NULL", "%s%n%x", "{0}", "%", "_", "%00",
    "%C0%AF", "%ED%A0%80", "../../etc/passwd", "..%2f..%2f", "${jndi:ldap://x/a}",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0", "-- ", "/*", "\\u0000", "\\ud800", "&amp;", "a&b=c", "a;b", "a,b", "a=b", "#", "?",
    "+",
  ]

  private static let numbers = [
    "0", "-0", "-1", "00", "+1", "1e400", "1e-400", "0x10", "1_000", "9007199254740991", "9007199254740993",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1.0",
    "NaN",
    "Infinity", "-inf", "١٢٣", "９", "2024-02-30", "0000-01-01", "99999-01-01", "2024-01-15T10:30:00Z",
    "9999-12-31T23:59:59+14:00", "2024-01-15T25:61:61Z", "2024-01-15",
  ]

  private static let keys = [
    "key_", "key_0", "rsv_0", "rsv_", "org_", "cur_", "cur_0000000000000000", "cur_7fffffffffffffffabc",
    "cur_ffffffffffffffff00000000000000000000", "sk_", "sk_live_", "sk_live_0",
    "sk_live_00000000000000000000000000000000000000",
    "SK_LIVE_00000000000000000000000000000000000000", "Bearer sk_live_0",
  ]

  private static let long = [
    String(repeating: "a", count: 255), String(repeating: "a", count: 256),
    String(repeating: "é", count: 256),
    String(repeating: "a", count: 20_000), String(repeating: "\u{1F600}", count: 5_000),
    "a" + String(repeating: "\u{301}", count: 10_000),
  ]
}

/// Bytes that are not valid text but can be in a request.
enum HostileBytes {
  /// Pieces for a JSON string, a header or a percent-encoded query.
  static let pieces: [[UInt8]] = [
    [0x00], [0x80], [0xFF], [0xFE, 0xFF], [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF],
    [0xE0, 0x9F, 0xBF], [0xF0, 0x80, 0x80, 0xAF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
    [0xF8, 0x88, 0x80, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
    [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
    [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC3, 0x28], [0x0D, 0x0A], [0x0B], [0x1B, 0x5B, 0x33, 0x31, 0x6D],
  ]
}
