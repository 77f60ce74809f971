/// A JSON document, or a part of one, as it was sent.
///
/// Unlike a decoder's result it keeps apart what a limit must not confuse: `true` and 1, `1.5` and 1, a
/// member that is `null` and one that is absent.
enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

extension JSONValue: Equatable {
  /// Tells whether two values have the same content: strings byte for byte, numbers by their text.
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
