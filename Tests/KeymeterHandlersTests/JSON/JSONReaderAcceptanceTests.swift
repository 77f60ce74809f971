import Testing

@testable import KeymeterHandlers

@Suite("JSON reader: valid documents")
struct JSONReaderAcceptanceTests {
  @Test(
    "A valid document is read as its value",
    arguments: [
      ("null", .null),
      ("true", .bool(true)),
      ("false", .bool(false)),
      ("0", .number("0")),
      ("-0", .number("-0")),
      ("1E+2", .number("1E+2")),
      ("1.25e-7", .number("1.25e-7")),
      ("1e400", .number("1e400")),
      ("9007199254740993", .number("9007199254740993")),
      (#""""#, .string("")),
      (#""plain""#, .string("plain")),
      ("\"snö ☃ 🗝\"", .string("snö ☃ 🗝")),
      ("\"\u{7F}\u{2028}\u{2029}\u{FFFF}\u{10FFFF}\"", .string("\u{7F}\u{2028}\u{2029}\u{FFFF}\u{10FFFF}")),
      ("\"a\u{FEFF}\"", .string("a\u{FEFF}")),
      ("[]", .array([])),
      ("[ \n\t\r ]", .array([])),
      ("[null,1,\"\"]", .array([.null, .number("1"), .string("")])),
      ("[[],[[]],{}]", .array([.array([]), .array([.array([])]), .object([:])])),
      ("{}", .object([:])),
      ("{ }", .object([:])),
      (#"{"":0}"#, .object(["": .number("0")])),
      (#"{"a":1,"A":2}"#, .object(["a": .number("1"), "A": .number("2")])),
      (#"{"a":{"a":null}}"#, .object(["a": .object(["a": .null])])),
      ("\t{ \"a\" :\r\n[ 1 , 2 ] } \n", .object(["a": .array([.number("1"), .number("2")])])),
    ] as [(String, JSONValue)])
  func valid(document: String, value: JSONValue) throws {
    #expect(try JSONReader.read(text: document) == value)
  }

  @Test(
    "Each escape is read as its character",
    arguments: [
      (#"\"\\\/"#, "\"\\/"),
      (#"\b\f\n\r\t"#, "\u{8}\u{C}\n\r\t"),
      (#"\u0000"#, "\0"),
      (#"\u0041\u00e9\u00E9"#, "Aéé"),
      (#"\u20ac"#, "€"),
      (#"\uD7FF\uE000"#, "\u{D7FF}\u{E000}"),
      (#"\uFFFE\uffff"#, "\u{FFFE}\u{FFFF}"),
      (#"\ud83d\uDDDD"#, "🗝"),
      (#"\uD800\uDC00\uDBFF\uDFFF"#, "\u{10000}\u{10FFFF}"),
      (#"\\u0041"#, #"\u0041"#),
      (#"\u005C\u0022n"#, "\\\"n"),
      (#"before é \n after ☃"#, "before é \n after ☃"),
    ])
  func escapes(content: String, text: String) throws {
    #expect(try JSONReader.read(text: "\"\(content)\"") == .string(text))
  }

  @Test("Members keep their order, and a lookup distinguishes null from absent")
  func members() throws {
    guard case .object(let object) = try JSONReader.read(text: #"{"z":null,"a":true,"m":[]}"#) else {
      Issue.record("not an object")
      return
    }
    #expect(object.members.map(\.name) == ["z", "a", "m"])
    #expect(object["z"] == .some(.null))
    #expect(object["a"] == .bool(true))
    #expect(object["absent"] == nil)
  }

  @Test("Names are compared byte by byte, not by canonical equivalence")
  func canonicalEquivalents() throws {
    let kelvin = try JSONReader.read(text: "{\"api\u{212A}ey\":1}")
    #expect(kelvin != .object(["apiKey": .number("1")]))
    guard case .object(let object) = kelvin else { return }
    #expect(object["apiKey"] == nil)
    let accents = "{\"\u{E9}\":1,\"e\u{301}\":2}"
    #expect(try JSONReader.read(text: accents).text == accents)
  }

  @Test("32 levels of nesting are read, and brackets in strings do not count")
  func depth() throws {
    let nested = String(repeating: "[", count: 32) + #""[[[[{{{{""# + String(repeating: "]", count: 32)
    #expect(try JSONReader.read(text: nested).text == nested)
    let wide = "[" + Array(repeating: "[[]]", count: 1000).joined(separator: ",") + "]"
    #expect(try JSONReader.read(text: wide).text == wide)
    #expect(try JSONReader.read(Array("1".utf8), depthLimit: 0) == .number("1"))
  }
}
