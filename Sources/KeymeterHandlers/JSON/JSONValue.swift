/// A JSON document, or a part of one, exactly as the client sent it.
///
/// Unlike a decoder it distinguishes `true` from 1, `1.5` from 1, and `null` from an absent member: a limit must not
/// confuse them.
enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

extension JSONValue: Equatable {
  /// Compares strings byte for byte and numbers by their text.
  static func == (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.string(let left), .string(let right)): ExactString(left) == ExactString(right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }
}

/// The members of a JSON object in document order.
///
/// No name occurs twice.
struct JSONObject: Sendable, Equatable {
  struct Member: Sendable, Equatable {
    let name: String
    let value: JSONValue

    static func == (left: Self, right: Self) -> Bool {
      ExactString(left.name) == ExactString(right.name) && left.value == right.value
    }
  }

  let members: [Member]

  /// - Parameter members: must have distinct names, which the reader has checked.
  init(distinct members: [Member]) {
    self.members = members
  }

  /// The value of a member, or `nil` if there is no such member.
  ///
  /// A `null` member is `JSONValue.null`.
  ///
  /// The search is linear. A handler asks for a handful of names, so an index would cost more.
  subscript(name: String) -> JSONValue? {
    let name = ExactString(name)
    return members.first { ExactString($0.name) == name }?.value
  }
}

/// A string that equals another only when their bytes are equal.
///
/// Swift's `==` follows Unicode's canonical equivalence: it equates the Kelvin sign U+212A with the letter K. A member
/// spelled with one would be `apiKey` here, and something else to every other reader of the document. RFC 8259 §8.3
/// compares names code unit by code unit, and so does this type.
struct ExactString: Hashable, Sendable {
  let text: String

  init(_ text: String) {
    self.text = text
  }

  static func == (left: Self, right: Self) -> Bool {
    left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
