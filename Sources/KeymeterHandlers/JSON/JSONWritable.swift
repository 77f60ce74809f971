/// What can be written as a JSON value.
///
/// A domain type joins by an extension that writes one value, no more and no less.
protocol JSONWritable {
  func write(to writer: inout JSONWriter)
}

extension Bool: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(literal: self ? "true" : "false")
  }
}

extension Int64: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(contentsOf: String(self).utf8)
  }
}

extension Int: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(contentsOf: String(self).utf8)
  }
}

extension String: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(quoting: self)
  }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
  func write(to writer: inout JSONWriter) {
    if let self {
      self.write(to: &writer)
    } else {
      writer.append(literal: "null")
    }
  }
}

extension Array: JSONWritable where Element: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.array { array in
      for element in self { array.element(element) }
    }
  }
}

extension JSONNumber: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.append(contentsOf: text.utf8)
  }
}

extension JSONObject: JSONWritable {
  func write(to writer: inout JSONWriter) {
    writer.object { object in
      for member in members { object.member(named: member.name, member.value) }
    }
  }
}

extension JSONValue: JSONWritable {
  func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.append(literal: "null")
    case .bool(let value): value.write(to: &writer)
    case .number(let value): value.write(to: &writer)
    case .string(let value): value.write(to: &writer)
    case .array(let value): value.write(to: &writer)
    case .object(let value): value.write(to: &writer)
    }
  }
}
