import KeymeterDomain
import Testing

@Suite struct LabelTests {
  @Test(
    "white space around a label is cut off, Unicode's too, and that inside is kept",
    arguments: [
      ("a", "a"), ("  a  ", "a"), ("\t\r\n a \n", "a"), ("\u{B}\u{C}a\u{85}", "a"), ("\u{A0}a\u{A0}", "a"),
      ("\u{1680}a\u{2000}", "a"), ("\u{2003}a\u{200A}", "a"), ("\u{2028}a\u{2029}", "a"),
      ("\u{202F}a\u{205F}", "a"), ("\u{3000}東京 東\u{3000}", "東京 東"), ("a b", "a b"), (" a  b ", "a  b"),
      ("a\u{A0}b", "a\u{A0}b"), ("\r\na\r\n", "a"),
    ])
  func trimming(text: String, label: String) throws {
    #expect(try Label(validating: text, field: "name").rawValue == label)
  }

  @Test(
    "A label may contain any script and emoji, unchanged",
    arguments: [
      "می\u{200C}خواهم", "ක්\u{200D}ෂ", "❤\u{FE0F}", "葛\u{E0100}城",
      "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F} Edinburgh", "Zürich", "日本語", "مرحبا",
      "😀", "👨‍👩‍👧", "🇨🇭", "e\u{301}", "Robert'); DROP TABLE--", "<b>", "\\", "\"",
    ])
  func scripts(text: String) throws {
    let label = try Label(validating: text, field: "name")
    #expect(Array(label.rawValue.unicodeScalars) == Array(text.unicodeScalars))
    #expect(label.description == text)
    #expect(label == Label(stored: text))
  }

  @Test(
    "255 Unicode scalars after trimming are allowed",
    arguments: [
      String(repeating: "a", count: 255), String(repeating: "é", count: 255),
      String(repeating: "😀", count: 255),
      String(repeating: "👨‍👩‍👧", count: 51), String(repeating: "e\u{301}", count: 127) + "a",
      "  " + String(repeating: "a", count: 255) + "\n\u{3000}",
    ])
  func longest(text: String) throws {
    #expect(try Label(validating: text, field: "name").rawValue.unicodeScalars.count == 255)
  }

  @Test(
    "256 are too many",
    arguments: [
      String(repeating: "a", count: 256), String(repeating: "😀", count: 256),
      String(repeating: "👨‍👩‍👧", count: 51) + "a", String(repeating: "e\u{301}", count: 128),
      "a" + String(repeating: " ", count: 254) + "a", "a" + String(repeating: "\u{301}", count: 255),
      String(repeating: "a", count: 1 << 20),
    ])
  func tooLong(text: String) {
    #expect(rejection(of: text) == ValidationFailure(field: "name", "must be at most 255 characters"))
  }

  @Test(
    "White space alone is rejected",
    arguments: ["", " ", "\t\n", "\u{A0}\u{2003}\u{3000}", "\u{85}", String(repeating: " ", count: 300)])
  func blank(text: String) {
    #expect(rejection(of: text) == ValidationFailure(field: "name", "must not be empty"))
  }

  @Test("Control characters are rejected")
  func control() throws {
    for value in Array(0...0x1F) + Array(0x7F...0x9F) as [UInt32] {
      let control = try #require(Unicode.Scalar(value))
      #expect(
        rejection(of: "a\(Character(control))b")
          == ValidationFailure(field: "name", "must not contain control characters"), "U+\(value)")
    }
  }

  @Test(
    "Control characters other than white space are not trimmed",
    arguments: ["\0", "\0a", "a\0", "\u{1B}[31m", "a\u{7F}", "\u{1C}a", "a\r\nb", " \0 "])
  func notTrimmed(text: String) {
    #expect(
      rejection(of: text) == ValidationFailure(field: "name", "must not contain control characters"))
  }

  @Test("Bidirectional controls and invisible characters are rejected")
  func deceptive()
    throws
  {
    let values: [ClosedRange<UInt32>] = [
      0xAD...0xAD, 0x61C...0x61C, 0x180E...0x180E, 0x200B...0x200B, 0x200E...0x200F, 0x2028...0x2029,
      0x202A...0x202E, 0x2060...0x206F, 0xFEFF...0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F,
    ]
    for value in values.joined() {
      let hidden = try #require(Unicode.Scalar(value))
      let digits = String(value, radix: 16, uppercase: true)
      let name = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      #expect(
        rejection(of: "a\(Character(hidden))b")
          == ValidationFailure(field: "name", "must not contain the invisible character \(name)"))
    }
  }

  @Test(
    "Tag characters are allowed in regional flags only",
    arguments: [
      "a\u{1F3F4}b\u{E0067}", "\u{1F3F4}\u{E0067}\u{E007F}\u{E0067}", "\u{E0067}\u{1F3F4}",
    ])
  func tags(text: String) {
    #expect(
      rejection(of: text)
        == ValidationFailure(field: "name", "must not contain the invisible character U+E0067"))
  }

  @Test(
    "A text that renders as nothing is rejected",
    arguments: ["\u{200D}", "\u{200C}\u{200D}", "\u{FE0F}", "\u{3164}", " \u{115F}\u{1160} "])
  func invisible(text: String) {
    #expect(rejection(of: text) == ValidationFailure(field: "name", "must not be empty"))
  }

  private func rejection(of text: String) -> ValidationFailure? {
    #expect(throws: ValidationFailure.self) { try Label(validating: text, field: "name") }
  }
}
