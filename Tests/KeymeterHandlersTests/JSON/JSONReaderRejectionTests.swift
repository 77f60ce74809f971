import Testing

@testable import KeymeterHandlers

@Suite("JSON reader: reasons and positions of rejections")
struct JSONReaderRejectionTests {
  typealias Case = (document: String, reason: JSONSyntaxError.Reason, offset: Int)

  @Test(
    "A document that violates the grammar is rejected",
    arguments: [
      ("", .unexpectedEnd, 0),
      (" \n", .unexpectedEnd, 2),
      ("[", .unexpectedEnd, 1),
      ("[1", .unexpectedEnd, 2),
      ("[1,", .unexpectedEnd, 3),
      ("{", .unexpectedEnd, 1),
      (#"{"a""#, .unexpectedEnd, 4),
      (#"{"a":"#, .unexpectedEnd, 5),
      (#"{"a":1"#, .unexpectedEnd, 6),
      (#"{"a":1,"#, .unexpectedEnd, 7),
      ("tru", .unexpectedEnd, 3),
      ("nul ", .unexpectedByte(0x20), 3),
      ("True", .unexpectedByte(UInt8(ascii: "T")), 0),
      ("fals3", .unexpectedByte(UInt8(ascii: "3")), 4),
      ("truex", .contentAfterValue, 4),
      ("1 2", .contentAfterValue, 2),
      ("{}{}", .contentAfterValue, 2),
      ("[]]", .contentAfterValue, 2),
      ("null\0", .contentAfterValue, 4),
      ("[1,]", .unexpectedByte(UInt8(ascii: "]")), 3),
      ("[,1]", .unexpectedByte(UInt8(ascii: ",")), 1),
      ("[1,,2]", .unexpectedByte(UInt8(ascii: ",")), 3),
      ("[1 2]", .unexpectedByte(UInt8(ascii: "2")), 3),
      ("[1}", .unexpectedByte(UInt8(ascii: "}")), 2),
      ("]", .unexpectedByte(UInt8(ascii: "]")), 0),
      (#"{"a":1,}"#, .unexpectedByte(UInt8(ascii: "}")), 7),
      (#"{,"a":1}"#, .unexpectedByte(UInt8(ascii: ",")), 1),
      (#"{"a" 1}"#, .unexpectedByte(UInt8(ascii: "1")), 5),
      (#"{"a"::1}"#, .unexpectedByte(UInt8(ascii: ":")), 5),
      (#"{"a",1}"#, .unexpectedByte(UInt8(ascii: ",")), 4),
      (#"{"a":1]"#, .unexpectedByte(UInt8(ascii: "]")), 6),
      (#"{a:1}"#, .unexpectedByte(UInt8(ascii: "a")), 1),
      (#"{1:1}"#, .unexpectedByte(UInt8(ascii: "1")), 1),
      (#"{null:1}"#, .unexpectedByte(UInt8(ascii: "n")), 1),
      ("{'a':1}", .unexpectedByte(UInt8(ascii: "'")), 1),
      ("'a'", .unexpectedByte(UInt8(ascii: "'")), 0),
      ("[1] // end", .contentAfterValue, 4),
      ("/* */ 1", .unexpectedByte(UInt8(ascii: "/")), 0),
      ("\u{B}1", .unexpectedByte(0x0B), 0),
      ("\u{A0}1", .unexpectedByte(0xC2), 0),
      ("[\u{2028}]", .unexpectedByte(0xE2), 1),
      ("undefined", .unexpectedByte(UInt8(ascii: "u")), 0),
      ("\u{FEFF}{}", .byteOrderMark, 0),
      ("{}\u{FEFF}", .contentAfterValue, 2),
    ] as [Case])
  func grammar(_ refused: Case) {
    let expected = JSONSyntaxError(reason: refused.reason, offset: refused.offset)
    #expect(JSONReader.rejection(of: refused.document) == expected)
  }

  @Test(
    "A number that violates the grammar is rejected",
    arguments: [
      ("-", .unexpectedEnd, 1),
      ("1.", .unexpectedEnd, 2),
      ("1e", .unexpectedEnd, 2),
      ("1e+", .unexpectedEnd, 3),
      ("[-]", .missingDigit, 2),
      ("[1.]", .missingDigit, 3),
      ("[1.e1]", .missingDigit, 3),
      ("[1e]", .missingDigit, 3),
      ("[1e+-1]", .missingDigit, 4),
      ("-.5", .missingDigit, 1),
      ("--1", .missingDigit, 1),
      ("-Infinity", .missingDigit, 1),
      ("-NaN", .missingDigit, 1),
      ("01", .leadingZero, 0),
      ("[-012]", .leadingZero, 2),
      ("00", .leadingZero, 0),
      ("NaN", .unexpectedByte(UInt8(ascii: "N")), 0),
      ("Infinity", .unexpectedByte(UInt8(ascii: "I")), 0),
      ("+1", .unexpectedByte(UInt8(ascii: "+")), 0),
      (".5", .unexpectedByte(UInt8(ascii: ".")), 0),
      ("0x10", .contentAfterValue, 1),
      ("1_000", .contentAfterValue, 1),
      ("1.5.2", .contentAfterValue, 3),
      ("1e2.5", .contentAfterValue, 3),
      ("[1 000]", .unexpectedByte(UInt8(ascii: "0")), 3),
      ("１", .unexpectedByte(0xEF), 0),
    ] as [Case])
  func number(_ refused: Case) {
    let expected = JSONSyntaxError(reason: refused.reason, offset: refused.offset)
    #expect(JSONReader.rejection(of: refused.document) == expected)
  }

  @Test(
    "A string that violates the grammar is rejected",
    arguments: [
      ("\"", .unexpectedEnd, 1),
      ("\"abc", .unexpectedEnd, 4),
      (#""abc\"#, .unexpectedEnd, 5),
      (#""abc\""#, .unexpectedEnd, 6),
      ("\"\0\"", .controlCharacter, 1),
      ("\"a\nb\"", .controlCharacter, 2),
      ("\"\t\"", .controlCharacter, 1),
      ("\"\u{1F}\"", .controlCharacter, 1),
      ("\"\\\n\"", .controlCharacter, 2),
      (#""\x41""#, .invalidEscape, 1),
      (#""\a""#, .invalidEscape, 1),
      (#""\'""#, .invalidEscape, 1),
      (#""\0""#, .invalidEscape, 1),
      (#""\U0041""#, .invalidEscape, 1),
      (#""\é""#, .invalidEscape, 1),
      (#""ab\u""#, .invalidEscape, 3),
      (#""\u123""#, .invalidEscape, 1),
      (#""\u12G4""#, .invalidEscape, 1),
      (#""\u+123""#, .invalidEscape, 1),
      (#""\u{41}""#, .invalidEscape, 1),
      (#"["\u00","41"]"#, .invalidEscape, 2),
      (#"{"\q":1}"#, .invalidEscape, 2),
      (#""\uD800""#, .loneSurrogate, 1),
      (#""x\uDC00""#, .loneSurrogate, 2),
      (#""\uDBFFx""#, .loneSurrogate, 1),
      (#""\uD800\n""#, .loneSurrogate, 1),
      (#""\uD800\uD800""#, .loneSurrogate, 1),
      (#""\uDC00\uD800""#, .loneSurrogate, 1),
      (#""\uD800\u0041""#, .loneSurrogate, 1),
      (#""\uD800\uDC0""#, .loneSurrogate, 1),
      (#""\uD83D\uDDDD\uD83D""#, .loneSurrogate, 13),
      (#"["\uD800","\uDC00"]"#, .loneSurrogate, 2),
    ] as [Case])
  func string(_ refused: Case) {
    let expected = JSONSyntaxError(reason: refused.reason, offset: refused.offset)
    #expect(JSONReader.rejection(of: refused.document) == expected)
  }

  @Test(
    "Invalid UTF-8 in a string is rejected",
    arguments: [
      ([0x80], 0),  // A continuation byte without a start.
      ([0x61, 0xFF], 1),  // A byte that UTF-8 never uses.
      ([0xFE, 0xFE], 0),
      ([0xC0, 0x80], 0),  // NUL in two bytes.
      ([0xC1, 0xBF], 0),  // DEL in two bytes.
      ([0xC0, 0xA2], 0),  // The quote in two bytes: it must neither end the string nor be part of it.
      ([0xE0, 0x80, 0xAF], 0),  // The slash in three bytes.
      ([0xF0, 0x80, 0x80, 0xAF], 0),  // The slash in four bytes.
      ([0xED, 0xA0, 0x80], 0),  // A surrogate.
      ([0xED, 0xBF, 0xBF], 0),
      ([0xED, 0xA0, 0xBD, 0xED, 0xB7, 0x9D], 0),  // A surrogate pair as in CESU-8.
      ([0xF4, 0x90, 0x80, 0x80], 0),  // U+110000.
      ([0xF5, 0x80, 0x80, 0x80], 0),
      ([0xF8, 0x88, 0x80, 0x80, 0x80], 0),  // Five bytes, as in early UTF-8.
      ([0xC3], 0),  // Truncated.
      ([0x61, 0xC3, 0xA9, 0xE2, 0x82], 3),
      ([0xC3, 0x28], 0),
      ([0x5C, 0x6E, 0xE2, 0x82, 0x5C, 0x6E], 2),  // Truncated by an escape, after another escape.
      ([0xE2, 0x5C, 0x6E, 0x82, 0xAC], 0),  // An escape inside a character.
    ] as [([UInt8], Int)])
  func invalidUTF8(content: [UInt8], offset: Int) {
    let value = [UInt8(ascii: "\"")] + content + [UInt8(ascii: "\"")]
    #expect(JSONReader.rejection(of: value) == JSONSyntaxError(reason: .invalidUTF8, offset: 1 + offset))
    let name = [UInt8(ascii: "{")] + value + Array(":1}".utf8)
    #expect(JSONReader.rejection(of: name) == JSONSyntaxError(reason: .invalidUTF8, offset: 2 + offset))
  }

  @Test("UTF-16 or Latin-1 outside a string is rejected")
  func otherEncodings() {
    #expect(JSONReader.rejection(of: [0x5B, 0x00, 0x5D, 0x00])?.reason == .unexpectedByte(0))
    #expect(JSONReader.rejection(of: [0xFF, 0xFE, 0x5B, 0x00])?.reason == .unexpectedByte(0xFF))
    #expect(JSONReader.rejection(of: [0xEF, 0xBB])?.reason == .unexpectedByte(0xEF))
  }

  @Test("Nesting beyond the limit is rejected at the first extra bracket")
  func depth() {
    let tooDeep = JSONSyntaxError(reason: .tooDeep(limit: 32), offset: 32)
    #expect(JSONReader.rejection(of: String(repeating: "[", count: 33)) == tooDeep)
    #expect(JSONReader.rejection(of: String(repeating: "[", count: 1_000_000)) == tooDeep)
    let objects = String(repeating: #"{"a":"#, count: 100_000)
    #expect(JSONReader.rejection(of: objects) == JSONSyntaxError(reason: .tooDeep(limit: 32), offset: 32 * 5))
    #expect(throws: JSONSyntaxError(reason: .tooDeep(limit: 0), offset: 0)) {
      try JSONReader.read(Array("[]".utf8), depthLimit: 0)
    }
  }
}
