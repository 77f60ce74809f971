@testable import KeymeterHandlers

extension JSONSchema {
  /// Checks that a schema and all its subschemas can be evaluated for any value.
  ///
  /// References are resolved but not checked again.
  ///
  /// - Throws: `SchemaFault`, or the error of an invalid pattern.
  func check(_ schema: JSONValue) throws {
    if case .bool = schema { return }
    guard case .object(let object) = schema else { throw SchemaFault("a schema is an object or a boolean") }
    try Self.refuseUnknownKeywords(of: object)
    // A keyword is otherwise only evaluated for a value of its type.
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
