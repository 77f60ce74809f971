import Testing

@testable import KeymeterHandlers

@Suite("JSON: writing and reading")
struct JSONRoundTripTests {
  @Test("A random value survives a round trip", arguments: [1, 2, 3, 4] as [UInt64])
  func values(seed: UInt64) throws {
    var random = JSONTestGenerator(seed: seed)
    for _ in 0..<500 {
      let value = random.value()
      let bytes = JSONWriter.bytes(of: value)
      let read = try JSONReader.read(bytes)
      #expect(read == value)
      #expect(JSONWriter.bytes(of: read) == bytes)
    }
  }

  @Test("Values differ if any part of them does")
  func inequality() throws {
    let documents = [
      "null", "true", "false", "0", "-0", "1", "1.0", #""1""#, #""""#, "[]", "[null]", "[[]]", "{}",
      #"{"a":1}"#, #"{"a":null}"#, #"{"b":1}"#, #"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#,
      "\"\u{E9}\"", "\"e\u{301}\"", "\"K\"", "\"\u{212A}\"",
    ]
    let values = try documents.map { try JSONReader.read(text: $0) }
    for (left, value) in values.enumerated() {
      for (right, other) in values.enumerated() {
        #expect((value == other) == (left == right), "\(documents[left]) and \(documents[right])")
      }
    }
  }
}
