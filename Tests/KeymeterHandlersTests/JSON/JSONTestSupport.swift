@testable import KeymeterHandlers

extension JSONReader {
  /// Parses a document given as text.
  static func read(text: String) throws(JSONSyntaxError) -> JSONValue {
    try read(Array(text.utf8))
  }

  /// The error for a rejected document, or `nil` for an accepted one.
  static func rejection(of bytes: [UInt8]) -> JSONSyntaxError? {
    do throws(JSONSyntaxError) {
      _ = try read(bytes)
      return nil
    } catch {
      return error
    }
  }

  /// The error for a rejected document, or `nil` for an accepted one.
  static func rejection(of text: String) -> JSONSyntaxError? {
    rejection(of: Array(text.utf8))
  }
}

extension JSONNumber {
  /// Reads a number, or returns `nil` for any other text.
  init?(_ text: String) {
    guard case .number(let number)? = try? JSONReader.read(text: text), number.text == text else {
      return nil
    }
    self = number
  }

  init(_ number: Int64) { self.init(verified: String(number)) }
}

extension JSONValue {
  /// - Parameter text: must be a JSON number.
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

extension JSONWriter {
  /// The document that consists of this value.
  static func bytes(of value: some JSONWritable) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(value)
    return writer.bytes
  }
}

extension JSONValue: JSONWritable {
  func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.append(literal: "null")
    case .bool(let value): value.write(to: &writer)
    case .number(let number): writer.append(contentsOf: number.text.utf8)
    case .string(let value): value.write(to: &writer)
    case .array(let value): value.write(to: &writer)
    case .object(let object):
      writer.object { writer in
        for member in object.members { writer.member(named: member.name, member.value) }
      }
    }
  }
}
