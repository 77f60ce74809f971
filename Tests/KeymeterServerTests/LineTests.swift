import FoundationEssentials
import Testing

@testable import KeymeterOps
@testable import KeymeterServer
@testable import keymeter

@Suite("A line of the log, and of what commands say")
struct LineTests {
  @Test("Nothing in a value ends it, or pretends to be another field")
  func quoted() {
    for (value, written) in [
      ("plain", "plain"), (#"C:\temp"#, #"C:\temp"#), ("", #""""#), ("two words", #""two words""#),
      (#"a" status=200"#, #""a\" status=200""#), (#"a\" status=200 b=""#, #""a\\\" status=200 b=\"""#),
      (#"ends with \"#, #""ends with \\""#), ("a\nb", #""a\nb""#),
    ] {
      #expect(LineLogHandler.quoted(value) == written)
    }
  }

  @Test(
    "What a terminal would obey, or nobody would see, is shown",
    arguments: ["\u{1B}[2K", "\u{9B}2K", "\u{202E}", "\u{2028}", "\u{200B}", "\r", "\u{7F}"])
  func invisibles(_ text: String) {
    let finding = Finding(name: "standby", verdict: .ok("a\(text)b"))
    for line in [LineLogHandler.quoted("a\(text)b"), finding.line, "a\(text)b".showingInvisibles] {
      let plain = line.unicodeScalars.allSatisfy { (" "..."~").contains($0) }
      #expect(plain, "\(line)")
    }
  }

  @Test(
    "In JSON too, and whoever parses it gets the same text",
    arguments: ["\u{1B}[2K", "\u{9B}2K", "\u{202E}", "\u{2028}", "\u{E0041}", "\r\n", "\u{7F}", "\\\"Zoë 東京"])
  func json(_ text: String) throws {
    let json = try jsonText(["a\(text)b"])
    let invisible = json.unicodeScalars.contains { scalar in
      [.control, .format, .lineSeparator].contains(scalar.properties.generalCategory)
    }
    #expect(!invisible, "\(json)")
    #expect(try JSONDecoder().decode([String].self, from: Data(json.utf8)) == ["a\(text)b"])
  }

  @Test("Between quotation marks, no name of the database reads like what is around it")
  func names() {
    #expect(#"b", since 2020), pid 77 ("x"#.quoted(by: "\"") == #""b"", since 2020), pid 77 (""x""#)
    #expect("it's\u{301}".quoted(by: "'") == "'it''s\u{301}'")
    #expect("a'\u{301}b".quoted(by: "'") == "'a''\u{301}b'")
  }

  @Test("What can be seen stays as it is")
  func visible() {
    #expect("Zoë 東京 — é".showingInvisibles == "Zoë 東京 — é")
  }
}
