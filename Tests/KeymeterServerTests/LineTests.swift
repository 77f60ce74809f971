import FoundationEssentials
import Testing

@testable import KeymeterOps
@testable import KeymeterServer
@testable import keymeter

@Suite("Log lines and command output")
struct LineTests {
  @Test("No value can end its quotes or imitate another field")
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
    "Control and invisible characters are shown escaped",
    arguments: ["\u{1B}[2K", "\u{9B}2K", "\u{202E}", "\u{2028}", "\u{200B}", "\r", "\u{7F}"])
  func invisibles(_ text: String) {
    let finding = Finding(name: "standby", result: .ok("a\(text)b"))
    for line in [LineLogHandler.quoted("a\(text)b"), finding.line, "a\(text)b".showingInvisibles] {
      let plain = line.unicodeScalars.allSatisfy { (" "..."~").contains($0) }
      #expect(plain, "\(line)")
    }
  }

  @Test(
    "JSON escapes them too and still parses to the same text",
    arguments: ["\u{1B}[2K", "\u{9B}2K", "\u{202E}", "\u{2028}", "\u{E0041}", "\r\n", "\u{7F}", "\\\"Zoë 東京"])
  func json(_ text: String) throws {
    let json = try jsonText(["a\(text)b"])
    let invisible = json.unicodeScalars.contains { scalar in
      [.control, .format, .lineSeparator].contains(scalar.properties.generalCategory)
    }
    #expect(!invisible, "\(json)")
    #expect(try JSONDecoder().decode([String].self, from: Data(json.utf8)) == ["a\(text)b"])
  }

  @Test("A quoted database name can't be mistaken for its surroundings")
  func names() {
    #expect(#"b", since 2020), pid 77 ("x"#.quoted(by: "\"") == #""b"", since 2020), pid 77 (""x""#)
    #expect("it's\u{301}".quoted(by: "'") == "'it''s\u{301}'")
    #expect("a'\u{301}b".quoted(by: "'") == "'a''\u{301}b'")
  }

  @Test("Visible characters stay unchanged")
  func visible() {
    #expect("Zoë 東京 — é".showingInvisibles == "Zoë 東京 — é")
  }
}
