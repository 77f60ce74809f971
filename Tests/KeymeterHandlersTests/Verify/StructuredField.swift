import HTTPTypes

/// A structured field of type List (RFC 9651): strings, integers and booleans, each with parameters.
///
/// Other types are errors, because none of the tested fields uses them.
struct StructuredList: Equatable {
  enum Item: Equatable {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
  }

  struct Member: Equatable {
    let item: Item
    /// Parameters in their order.
    ///
    /// A repeated name is an error: the RFC lets the last one win, but no server should send it.
    let parameters: [Parameter]

    subscript(name: String) -> Item? { parameters.first { $0.name == name }?.value }
  }

  struct Parameter: Equatable {
    let name: String
    let value: Item
  }

  let members: [Member]

  /// Parses a field by the algorithm of RFC 9651, section 4.2.
  ///
  /// Several lines are first joined by commas.
  init(_ lines: [String]) throws {
    var parser = StructuredFieldParser(lines.joined(separator: ", "))
    members = try parser.list()
  }

  init(_ line: String) throws { try self.init([line]) }
}

/// Why and where a text is not a structured field.
struct NotAStructuredField: Error {
  let what: String
  let rest: String
}

/// Parses a structured field byte by byte.
private struct StructuredFieldParser {
  private var rest: ArraySlice<UInt8>

  init(_ text: String) { rest = Array(text.utf8)[...] }

  mutating func list() throws -> [StructuredList.Member] {
    skip { $0 == UInt8(ascii: " ") }
    var members: [StructuredList.Member] = []
    while !rest.isEmpty {
      members.append(try member())
      skip { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if rest.isEmpty { return members }
      guard take(",") else { throw failure("a comma must follow") }
      skip { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if rest.isEmpty { throw failure("a comma is the last") }
    }
    return members
  }

  private mutating func member() throws -> StructuredList.Member {
    let item = try item()
    var parameters: [StructuredList.Parameter] = []
    while take(";") {
      skip { $0 == UInt8(ascii: " ") }
      let name = try key()
      let value = take("=") ? try self.item() : .boolean(true)
      guard !parameters.contains(where: { $0.name == name }) else { throw failure("\(name) is repeated") }
      parameters.append(StructuredList.Parameter(name: name, value: value))
    }
    return StructuredList.Member(item: item, parameters: parameters)
  }

  private mutating func item() throws -> StructuredList.Item {
    guard let first = rest.first else { throw failure("an item must follow") }
    return switch first {
    case UInt8(ascii: "\""): .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .integer(try integer())
    case UInt8(ascii: "?"): .boolean(try boolean())
    default: throw failure("a string, an integer or a boolean must follow")
    }
  }

  private mutating func string() throws -> String {
    guard take("\"") else { throw failure("a quote must follow") }
    var text: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
        else { throw failure("only a quote and a backslash are escaped") }
        text.append(escaped)
      case 0x20...0x7e: text.append(byte)
      default: throw failure("a string is of visible ASCII")
      }
    }
    throw failure("a string must end")
  }

  private mutating func integer() throws -> Int64 {
    let sign: Int64 = take("-") ? -1 : 1
    let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    rest = rest.dropFirst(digits.count)
    guard (1...15).contains(digits.count) else { throw failure("an integer has 1 to 15 digits") }
    guard rest.first != UInt8(ascii: ".") else { throw failure("a decimal is not an integer") }
    return sign * digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
  }

  private mutating func boolean() throws -> Bool {
    guard take("?") else { throw failure("a question mark must follow") }
    if take("1") { return true }
    if take("0") { return false }
    throw failure("a boolean is ?1 or ?0")
  }

  private mutating func key() throws -> String {
    guard let first = rest.first, Self.isLower(first) || first == UInt8(ascii: "*") else {
      throw failure("a key begins with a lower-case letter or an asterisk")
    }
    let key = rest.prefix { byte in
      Self.isLower(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || "_-.*".utf8.contains(byte)
    }
    rest = rest.dropFirst(key.count)
    return String(decoding: key, as: UTF8.self)
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let first = rest.first, UInt32(first) == character.value else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func skip(_ isSkipped: (UInt8) -> Bool) {
    rest = rest.drop(while: isSkipped)
  }

  private static func isLower(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }

  private func failure(_ what: String) -> NotAStructuredField {
    NotAStructuredField(what: what, rest: String(decoding: rest, as: UTF8.self))
  }
}
