import Testing

@testable import KeymeterHandlers

@Suite("JSON writer")
struct JSONWriterTests {
  private func text(_ value: some JSONWritable) -> String {
    String(decoding: JSONWriter.bytes(of: value), as: UTF8.self)
  }

  @Test("An object with members of every kind is written with commas in the right places")
  func object() {
    var writer = JSONWriter(reservingCapacity: 256)
    writer.object { key in
      key.member("id", "key_1")
      key.member("limit", Int64?.none)
      key.member("used", Int64.max)
      key.member("root", true)
      key.member("hint", String?.some("…a1"))
      key.member("scopes", ["incidents:read", "*"])
      key.member("none", [String]())
      key.member("raw", JSONValue.array([.number("1e400"), .null]))
      key.object("limits") { limits in
        limits.object("requests") { $0.member("limit", 5) }
        limits.object("tokens") { _ in }
      }
      key.array("keys") { keys in
        keys.element(1)
        keys.object { $0.member("a", false) }
        keys.array { _ in }
        keys.array { $0.element("x") }
      }
      key.member("last", JSONValue.null)
    }
    let expected =
      #"{"id":"key_1","limit":null,"used":9223372036854775807,"root":true,"hint":"…a1","#
      + #""scopes":["incidents:read","*"],"none":[],"raw":[1e400,null],"#
      + #""limits":{"requests":{"limit":5},"tokens":{}},"keys":[1,{"a":false},[],["x"]],"last":null}"#
    #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
  }

  @Test("Empty containers and bare values are written")
  func smallDocuments() {
    var object = JSONWriter()
    object.object { _ in }
    #expect(object.bytes == Array("{}".utf8))
    var array = JSONWriter()
    array.array { _ in }
    #expect(array.bytes == Array("[]".utf8))
    #expect(text(Int64.min) == "-9223372036854775808")
    #expect(text("") == #""""#)
    #expect(text([Bool?.none, true]) == "[null,true]")
  }

  @Test(
    "A string is escaped only where RFC 8259 requires it",
    arguments: [
      ("plain", "plain"),
      ("\"", #"\""#),
      (#"\"#, #"\\"#),
      ("a\"b\\c", #"a\"b\\c"#),
      ("\u{8}\t\n\u{C}\r", #"\b\t\n\f\r"#),
      ("\0\u{1}\u{B}\u{F}\u{10}\u{1F}", #"\u0000\u0001\u000b\u000f\u0010\u001f"#),
      ("\r\n", #"\r\n"#),
      ("/\u{7F}\u{2028}\u{2029}é🗝", "/\u{7F}\u{2028}\u{2029}é🗝"),
    ])
  func strings(string: String, content: String) {
    #expect(text(string) == "\"\(content)\"")
    #expect(text(JSONValue.object([string: .null])) == "{\"\(content)\":null}")
  }

  @Test("Every ASCII character and a sample of others survive a round trip")
  func everyScalar() throws {
    for value in Array(UInt32(0)..<0x800) + Array(stride(from: 0x800, through: 0x10FFFF, by: 97)) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let string = "x\(Character(scalar))y"
      #expect(try JSONReader.read(text: text(string)) == .string(string))
    }
  }

  @Test("An error of the body is rethrown unchanged")
  func failure() {
    struct Stop: Error, Equatable {}
    var writer = JSONWriter()
    #expect(throws: Stop()) {
      try writer.object { object in
        try object.array("a") { _ in throw Stop() }
      }
    }
  }
}
