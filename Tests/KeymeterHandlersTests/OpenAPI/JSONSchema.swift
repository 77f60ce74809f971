import KeymeterDomain

@testable import KeymeterHandlers

/// Validates JSON by the part of JSON Schema 2020-12 that `openapi.json` uses.
///
/// An unsupported keyword is an error. If it were ignored, a misspelt keyword would let every value pass.
struct JSONSchema {
  /// The document that `$ref` points into.
  let document: JSONValue

  /// Why a value does not match, one line per failure.
  ///
  /// Empty if it matches.
  ///
  /// - Throws: `SchemaFault` if the schema can't be evaluated.
  func failures(of value: JSONValue, by schema: JSONValue) throws -> [String] {
    try outcome(of: value, by: schema, at: "").failures
  }

  /// A schema's failures and the members it has evaluated, for `unevaluatedProperties`.
  struct Outcome {
    var failures: [String] = []
    var evaluated: Set<ExactString> = []

    /// Adds the outcome of another schema for the same value.
    mutating func merge(_ other: Outcome) {
      failures += other.failures
      evaluated.formUnion(other.evaluated)
    }
  }

  func outcome(of value: JSONValue, by schema: JSONValue, at place: String) throws -> Outcome {
    switch schema {
    case .bool(true): return Outcome()
    case .bool(false): return Outcome(failures: ["\(place) is not allowed"])
    case .object(let object):
      try Self.refuseUnknownKeywords(of: object)
      var outcome = Outcome(failures: try ownFailures(of: value, by: object, at: place))
      try applyInPlace(to: value, object, at: place, &outcome)
      try applyToMembers(of: value, object, at: place, &outcome)
      try applyToElements(of: value, object, at: place, &outcome)
      refuseUnevaluated(of: value, object, at: place, &outcome)
      return outcome
    default: throw SchemaFault("a schema is an object or a boolean, at \(place)")
    }
  }

  /// The value that a reference within the document points to.
  ///
  /// - Throws: `SchemaFault` if the reference does not resolve.
  func resolve(_ reference: String) throws -> JSONValue {
    guard reference.hasPrefix("#/") else { throw SchemaFault("\(reference) leaves the document") }
    var value = document
    for step in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
      let name = String(step).replacing("~1", with: "/").replacing("~0", with: "~")
      guard let next = value[name] else { throw SchemaFault("\(reference) points to nothing") }
      value = next
    }
    return value
  }

  /// The value itself, or the target of its reference.
  func resolved(_ value: JSONValue) throws -> JSONValue {
    guard case .string(let reference)? = value["$ref"] else { return value }
    return try resolved(resolve(reference))
  }
}

/// A schema that can't be evaluated.
struct SchemaFault: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

// MARK: Keywords that apply schemas to the same value

extension JSONSchema {
  private func applyInPlace(
    to value: JSONValue, _ schema: JSONObject, at place: String, _ outcome: inout Outcome
  ) throws {
    if let reference = schema["$ref"] {
      guard case .string(let reference) = reference else { throw SchemaFault("$ref is a text") }
      outcome.merge(try self.outcome(of: value, by: resolve(reference), at: place))
    }
    for part in try schema.schemas("allOf") {
      outcome.merge(try self.outcome(of: value, by: part, at: place))
    }
    for (keyword, allowed) in [("anyOf", 1...Int.max), ("oneOf", 1...1)] where schema[keyword] != nil {
      let branches = try schema.schemas(keyword).map { try self.outcome(of: value, by: $0, at: place) }
      let fitting = branches.filter(\.failures.isEmpty)
      for branch in fitting { outcome.merge(branch) }
      if !allowed.contains(fitting.count) {
        let why = branches.map { $0.failures.joined(separator: ", ") }.joined(separator: " | ")
        outcome.failures.append("\(place) fits \(fitting.count) of \(keyword): \(why)")
      }
    }
    if let part = schema["not"], try self.outcome(of: value, by: part, at: place).failures.isEmpty {
      outcome.failures.append("\(place) fits what it must not")
    }
  }
}

// MARK: Keywords that apply schemas to parts of the value

extension JSONSchema {
  private func applyToMembers(
    of value: JSONValue, _ schema: JSONObject, at place: String, _ outcome: inout Outcome
  ) throws {
    guard case .object(let object) = value else { return }
    let named = try schema.members("properties")
    for member in object.members {
      let inner = "\(place)/\(member.name)"
      if let names = schema["propertyNames"] {
        outcome.failures += try self.outcome(of: .string(member.name), by: names, at: inner + " (name)")
          .failures
      }
      guard let part = named?[member.name] ?? schema["additionalProperties"] else { continue }
      outcome.evaluated.insert(ExactString(member.name))
      outcome.failures += try self.outcome(of: member.value, by: part, at: inner).failures
    }
  }

  private func applyToElements(
    of value: JSONValue, _ schema: JSONObject, at place: String, _ outcome: inout Outcome
  ) throws {
    guard case .array(let elements) = value, let items = schema["items"] else { return }
    for (index, element) in elements.enumerated() {
      outcome.failures += try self.outcome(of: element, by: items, at: "\(place)/\(index)").failures
    }
  }

  private func refuseUnevaluated(
    of value: JSONValue, _ schema: JSONObject, at place: String, _ outcome: inout Outcome
  ) {
    guard case .object(let object) = value, schema["unevaluatedProperties"] == .bool(false) else { return }
    for name in object.names where !outcome.evaluated.contains(ExactString(name)) {
      outcome.failures.append("\(place)/\(name) is unknown")
    }
  }
}

extension JSONObject {
  /// The schemas of a keyword that takes several, or none if it is absent.
  func schemas(_ keyword: String) throws -> [JSONValue] {
    switch self[keyword] {
    case nil: return []
    case .array(let schemas)? where !schemas.isEmpty: return schemas
    default: throw SchemaFault("\(keyword) is an array of schemas")
    }
  }

  /// The schemas of a keyword that takes one per name.
  func members(_ keyword: String) throws -> JSONObject? {
    switch self[keyword] {
    case nil: return nil
    case .object(let members)?: return members
    default: throw SchemaFault("\(keyword) is an object of schemas")
    }
  }
}
