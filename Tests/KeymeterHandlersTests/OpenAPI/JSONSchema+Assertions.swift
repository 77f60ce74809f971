import KeymeterDomain

@testable import KeymeterHandlers

// MARK: Keywords that assert something about the value alone

extension JSONSchema {
  /// The supported keywords.
  ///
  /// Those in the last line are annotations.
  private static let keywords: Set<String> = [
    "$ref", "allOf", "anyOf", "oneOf", "not",
    "properties", "additionalProperties", "unevaluatedProperties", "propertyNames", "items",
    "type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "pattern", "format",
    "required", "minProperties", "minItems", "maxItems", "uniqueItems",
    "description", "default", "examples",
  ]

  static func refuseUnknownKeywords(of schema: JSONObject) throws {
    for name in schema.names where !keywords.contains(name) {
      throw SchemaFault("\(name) is not a known keyword")
    }
    if let unevaluated = schema["unevaluatedProperties"], unevaluated != .bool(false) {
      throw SchemaFault("unevaluatedProperties is followed only where it is false")
    }
  }

  func ownFailures(of value: JSONValue, by schema: JSONObject, at place: String) throws -> [String] {
    var failures: [String] = []
    for member in schema.members where try !fits(value, member.name, member.value) {
      failures.append("\(place) breaks \(member.name): \(member.value.brief), being \(value.brief)")
    }
    return failures
  }

  /// Whether a value satisfies a keyword that depends on the value alone.
  func fits(_ value: JSONValue, _ keyword: String, _ rule: JSONValue) throws -> Bool {
    switch keyword {
    case "type":
      let names = try rule.texts(orOne: keyword)
      return try names.contains { try value.isOf(type: $0) }
    case "const": return value == rule
    case "enum":
      guard case .array(let allowed) = rule else { throw SchemaFault("enum is an array") }
      return allowed.contains(value)
    case "minimum", "maximum": return try fits(value, number: keyword, rule)
    case "minLength", "maxLength", "pattern", "format":
      guard case .string(let text) = value else { return true }
      return try Self.fits(text, keyword, rule)
    case "minItems", "maxItems", "uniqueItems":
      guard case .array(let elements) = value else { return true }
      return try Self.fits(elements, keyword, rule)
    case "required", "minProperties":
      guard case .object(let object) = value else { return true }
      guard keyword == "required" else { return try object.members.count >= rule.count(keyword) }
      return try rule.texts(orOne: nil).allSatisfy { object[$0] != nil }
    default: return true
    }
  }

  private func fits(_ value: JSONValue, number keyword: String, _ rule: JSONValue) throws -> Bool {
    guard case .number(let bound) = rule else { throw SchemaFault("\(keyword) is a number") }
    guard case .number(let number) = value else { return true }
    if let number = number.wholeNumber, let bound = bound.wholeNumber {
      return keyword == "minimum" ? number >= bound : number <= bound
    }
    guard let number = Double(number.text), let bound = Double(bound.text) else {
      throw SchemaFault("\(number.text) is too long to be compared")
    }
    return keyword == "minimum" ? number >= bound : number <= bound
  }

  private static func fits(_ text: String, _ keyword: String, _ rule: JSONValue) throws -> Bool {
    switch keyword {
    case "minLength": return try text.unicodeScalars.count >= rule.count(keyword)
    case "maxLength": return try text.unicodeScalars.count <= rule.count(keyword)
    case "pattern":
      guard case .string(let pattern) = rule else { throw SchemaFault("pattern is a text") }
      return try Regex(pattern).matchingSemantics(.unicodeScalar).asciiOnlyDigits().firstMatch(in: text)
        != nil
    default:
      return try rule == .string("date-time") ? Timestamp(rfc3339: text) != nil : otherFormat(text, rule)
    }
  }

  private static func otherFormat(_ text: String, _ format: JSONValue) throws -> Bool {
    switch format {
    case .string("date"): CivilDate(text) != nil
    case .string("uri"): text.wholeMatch(of: /[A-Za-z][0-9A-Za-z+.\-]*:[!-~]+/) != nil
    default: throw SchemaFault("\(format.brief) is not a known format")
    }
  }

  private static func fits(_ elements: [JSONValue], _ keyword: String, _ rule: JSONValue) throws -> Bool {
    switch keyword {
    case "minItems": return try elements.count >= rule.count(keyword)
    case "maxItems": return try elements.count <= rule.count(keyword)
    default:
      guard case .bool(let unique) = rule else { throw SchemaFault("uniqueItems is a boolean") }
      return !unique || elements.indices.allSatisfy { !elements[..<$0].contains(elements[$0]) }
    }
  }
}

extension JSONValue {
  /// The value as JSON, truncated if long.
  var brief: String {
    text.count > 120 ? text.prefix(120) + "…" : text
  }

  fileprivate func isOf(type name: String) throws -> Bool {
    switch (name, self) {
    case ("null", .null), ("boolean", .bool), ("string", .string), ("number", .number), ("array", .array),
      ("object", .object):
      true
    case ("integer", .number(let number)): number.wholeNumber != nil
    case ("null", _), ("boolean", _), ("string", _), ("number", _), ("array", _), ("object", _),
      ("integer", _):
      false
    default: throw SchemaFault("\(name) is not a known type")
    }
  }

  /// The strings of an array, or a single string if the keyword allows one.
  fileprivate func texts(orOne keyword: String?) throws -> [String] {
    if case .string(let text) = self, keyword != nil { return [text] }
    guard case .array(let elements) = self else { throw SchemaFault("\(brief) is to be an array of texts") }
    return try elements.map { element in
      guard case .string(let text) = element else { throw SchemaFault("\(element.brief) is to be a text") }
      return text
    }
  }

  fileprivate func count(_ keyword: String) throws -> Int {
    guard case .number(let number) = self, let count = number.wholeNumber, count >= 0 else {
      throw SchemaFault("\(keyword) is a whole number")
    }
    return Int(count)
  }
}
