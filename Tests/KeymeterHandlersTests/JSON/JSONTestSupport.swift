@testable import KeymeterHandlers

extension JSONReader {
  /// Parses a document given as text.
  static func read(text: String) throws(JSONSyntaxError) -> JSONValue {
    try read(Array(text.utf8))
  }

  /// The error with which a document is rejected, or nil if it is accepted.
  static func refusal(of bytes: [UInt8]) -> JSONSyntaxError? {
    do throws(JSONSyntaxError) {
      _ = try read(bytes)
      return nil
    } catch {
      return error
    }
  }

  /// The error with which a document given as text is rejected, or nil if it is accepted.
  static func refusal(of text: String) -> JSONSyntaxError? {
    refusal(of: Array(text.utf8))
  }
}

extension JSONValue {
  /// A number given as text, which must be valid.
  static func number(_ text: String) -> JSONValue {
    .number(JSONNumber(verified: text))
  }

  static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(JSONObject(distinct: members.map { JSONObject.Member(name: $0.key, value: $0.value) }))
  }

  var text: String {
    String(decoding: JSONWriter.bytes(of: self), as: UTF8.self)
  }
}
