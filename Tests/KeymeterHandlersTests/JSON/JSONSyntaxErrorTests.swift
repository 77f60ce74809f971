import Testing

@testable import KeymeterHandlers

@Suite("JSON syntax errors: messages")
struct JSONSyntaxErrorTests {
  @Test(
    "The message says what is wrong and where",
    arguments: [
      (#"{"usage_limit":1,"usage_limit":null}"#, #"duplicate member "usage_limit" at byte 17"#),
      ("", "unexpected end of the document at byte 0"),
      ("[1,]", "unexpected ']' at byte 3"),
      ("\u{1}", "unexpected byte 0x01 at byte 0"),
      ("☃", "unexpected byte 0xE2 at byte 0"),
      ("1 2", "more content after the JSON value at byte 2"),
      ("[01]", "number with a leading zero at byte 1"),
      ("[-]", "number without a digit where one is needed at byte 2"),
      ("\"\n\"", "control character in a string, which must be escaped, at byte 1"),
      (#""\x""#, "invalid escape in a string at byte 1"),
      (#""\ud800""#, "half of a surrogate pair at byte 1"),
      ("\u{FEFF}1", "byte order mark at byte 0"),
      (String(repeating: "[", count: 33), "nesting deeper than 32 levels at byte 32"),
    ])
  func message(document: String, message: String) throws {
    #expect(try #require(JSONReader.refusal(of: document)).description == message)
  }

  @Test("Invalid UTF-8 has a message")
  func invalidUTF8() throws {
    let error = try #require(JSONReader.refusal(of: [0x22, 0xFF, 0x22]))
    #expect(error.description == "invalid UTF-8 at byte 1")
  }

  @Test(
    "A duplicate's name in a message can't reveal a key, escape its quotes, forge a log line or flood the log"
  )
  func hostileName() {
    let zalgo = "a" + String(repeating: "\u{301}", count: 100_000)
    for name in ["a\"\\\n\u{1B}[31m\u{202E}é", zalgo, "sk_live_abc", ""] {
      let error = JSONSyntaxError(reason: .duplicateMember(name), offset: 0)
      #expect(error.description == #"duplicate member "(a name that is not shown)" at byte 0"#)
    }
  }
}
