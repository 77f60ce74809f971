import Testing

@testable import KeymeterHandlers

@Suite("JSON reader: duplicate members")
struct JSONDuplicateMemberTests {
  @Test(
    "A repeated name is rejected, however it is spelt and with any values",
    arguments: [
      (#"{"usage_limit":1,"usage_limit":null}"#, "usage_limit", 17),
      (#"{"a":1,"a":1}"#, "a", 7),
      (#"{"":1,"":2}"#, "", 6),
      (#"{"a":1,"b":2,"\u0061":3}"#, "a", 13),
      (#"[{"x":{"k":[],"k":{}}}]"#, "k", 14),
      (#"{"\/":1,"/":2}"#, "/", 8),
    ])
  func duplicate(document: String, name: String, offset: Int) {
    let expected = JSONSyntaxError(reason: .duplicateMember(name), offset: offset)
    #expect(JSONReader.rejection(of: document) == expected)
  }

  @Test("A duplicate is found at any two positions, in small objects and in those that use the set")
  func everyPair() {
    for count in [2, 3, 7, 8, 9, 10, 17] {
      for second in 1..<count {
        for first in 0..<second {
          let names = (0..<count).map { $0 == second ? "n\(first)" : "n\($0)" }
          let document = "{" + names.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
          #expect(JSONReader.rejection(of: document)?.reason == .duplicateMember("n\(first)"))
        }
      }
    }
  }

  @Test("The same name in another object is not a duplicate")
  func siblings() {
    #expect(JSONReader.rejection(of: #"{"a":{"a":{"b":1}},"b":[{"a":1},{"a":2}]}"#) == nil)
  }

  @Test("The last of 100,000 members is found to duplicate the first")
  func manyMembers() {
    let names = (0..<100_000).map { "\"member\($0)\":0" } + ["\"member0\":1"]
    let document = "{" + names.joined(separator: ",") + "}"
    #expect(JSONReader.rejection(of: document)?.reason == .duplicateMember("member0"))
  }

  @Test(
    "A duplicate's name in a message can't reveal a key, escape its quotes, forge a log line or flood the log"
  )
  func hostileName() {
    let zalgo = "a" + String(repeating: "\u{301}", count: 100_000)
    for name in ["a\"\\\n\u{1B}[31m\u{202E}é", zalgo, "sk_live_abc", ""] {
      let error = JSONSyntaxError(reason: .duplicateMember(name), offset: 0)
      #expect(error.description == #"duplicate member "(redacted)" at byte 0"#)
    }
  }
}
