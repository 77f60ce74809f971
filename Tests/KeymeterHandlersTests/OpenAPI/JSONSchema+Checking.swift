@testable import KeymeterHandlers

extension JSONSchema {
  /// Holds a schema, and every schema within it, to be one that can be followed, whatever is judged by it.
  ///
  /// What it refers to is found, but not checked again.
  ///
  /// - Throws: `SchemaFault`, and what is wrong with a pattern.
  func check(_ schema: JSONValue) throws {
    if case .bool = schema { return }
    guard case .object(let object) = schema else { throw SchemaFault("a schema is an object or a boolean") }
    try Self.refuseUnknownKeywords(of: object)
    // A rule is looked at only when a value of its kind is judged.
    let probes: [JSONValue] = [
      .null, .number("1"), .string("x"), .array([]), .object(JSONObject(distinct: [])),
    ]
    for member in object.members {
      for probe in probes { _ = try fits(probe, member.name, member.value) }
    }
    if object["$ref"] != nil { _ = try resolved(schema) }
    for keyword in ["allOf", "anyOf", "oneOf"] {
      for part in try object.schemas(keyword) { try check(part) }
    }
    for part in try object.members("properties")?.members ?? [] { try check(part.value) }
    for keyword in ["not", "additionalProperties", "propertyNames", "items"] {
      if let part = object[keyword] { try check(part) }
    }
  }
}
