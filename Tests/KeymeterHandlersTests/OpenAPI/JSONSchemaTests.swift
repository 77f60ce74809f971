import Testing

@testable import KeymeterHandlers

@Suite("The tests' JSON Schema validator")
struct JSONSchemaTests {
  /// A schema, a matching value and one that does not match.
  struct Case: Sendable, CustomTestStringConvertible {
    let schema: String
    let fits: [String]
    let fails: [String]

    init(_ schema: String, fits: String..., fails: String...) {
      self.schema = schema
      self.fits = fits
      self.fails = fails
    }

    var testDescription: String { schema }
  }

  @Test("A schema accepts a matching value and rejects another", arguments: values + objects + combined)
  func judges(example: Case) throws {
    try schemas().check(JSONReader.read(text: example.schema))
    for value in example.fits { #expect(try failures(value, example.schema) == [], "\(value)") }
    for value in example.fails { #expect(try !failures(value, example.schema).isEmpty, "\(value)") }
  }

  private static let values = [
    Case("true", fits: "1"),
    Case("false", fails: "1"),
    Case(#"{"type":"integer"}"#, fits: "1", "-1", "100.0", "1e2", fails: "1.5", #""1""#, "true", "null"),
    Case(#"{"type":"number"}"#, fits: "1", "1.5", fails: #""1""#),
    Case(#"{"type":["string","null"]}"#, fits: "null", #""""#, fails: "0", "[]", "{}", "false"),
    Case(#"{"type":"boolean"}"#, fits: "true", "false", fails: "0", "null"),
    Case(#"{"const":true}"#, fits: "true", fails: "false", "1", #""true""#),
    Case(#"{"enum":["a",1,null]}"#, fits: #""a""#, "1", "null", fails: #""b""#, "2", "[]"),
    Case(
      #"{"minimum":0,"maximum":9007199254740991}"#, fits: "0", "9007199254740991", "0.5", #""x""#,
      fails: "-1", "9007199254740992", "-0.5", "1e300"),
    Case(#"{"minLength":1,"maxLength":2}"#, fits: #""é""#, #""ab""#, "3", fails: #""""#, #""abc""#),
    Case(#"{"pattern":"^a\\d$"}"#, fits: #""a1""#, "3", fails: #""ba1""#, #""a1x""#, #""a١""#),
    Case(
      #"{"format":"date-time"}"#, fits: #""2026-11-02T09:15:00Z""#, "1", fails: #""2026-11-02""#,
      #""2026-13-02T09:15:00Z""#),
    Case(#"{"format":"date"}"#, fits: #""2024-02-29""#, fails: #""2023-02-29""#, #""x""#),
    Case(#"{"format":"uri"}"#, fits: #""urn:x:y""#, fails: #""x y""#, #"":x""#),
    Case(
      #"{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2}"#, fits: "[1]", "[1,2]",
      fails: "[]", "[1,2,3]", #"["1"]"#),
    Case(#"{"uniqueItems":true}"#, fits: "[1,2]", "[]", "1", fails: "[1,2,1]"),
  ]

  private static let objects = [
    Case(#"{"required":["a"]}"#, fits: #"{"a":null}"#, "1", fails: "{}", #"{"A":1}"#),
    Case(#"{"minProperties":1}"#, fits: #"{"a":1}"#, fails: "{}"),
    Case(#"{"properties":{"a":{"const":1}}}"#, fits: #"{"a":1}"#, #"{"b":2}"#, "[]", fails: #"{"a":2}"#),
    Case(
      #"{"properties":{"a":{}},"additionalProperties":false}"#, fits: #"{"a":2}"#, "{}", fails: #"{"b":2}"#),
    Case(
      #"{"propertyNames":{"pattern":"^k"},"additionalProperties":{"type":"integer"}}"#, fits: #"{"k1":2}"#,
      "{}",
      fails: #"{"j":2}"#, #"{"k1":"x"}"#),
    Case(
      ##"{"$ref":"#/defs/base","properties":{"b":{}},"unevaluatedProperties":false}"##,
      fits: #"{"a":1,"b":2}"#,
      fails: #"{"a":1,"c":2}"#, #"{"a":"x"}"#, #"{"b":1}"#),
    Case(
      ##"{"allOf":[{"$ref":"#/defs/base"},{"anyOf":[{"required":["b"],"properties":{"b":{}}}]}],"unevaluatedProperties":false}"##,
      fits: #"{"a":1,"b":2}"#, fails: #"{"a":1}"#, #"{"a":1,"b":2,"c":3}"#),
    // A branch that does not match has evaluated nothing.
    Case(
      #"{"anyOf":[{"required":["b"],"properties":{"b":{},"c":{}}},true],"unevaluatedProperties":false}"#,
      fits: "{}", #"{"b":1,"c":1}"#, fails: #"{"c":1}"#),
  ]

  private static let combined = [
    Case(#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, fits: "1", "2", fails: "0", "3"),
    Case(#"{"anyOf":[{"minimum":5},{"maximum":2}]}"#, fits: "1", "6", fails: "3"),
    Case(#"{"oneOf":[{"minimum":2},{"maximum":5}]}"#, fits: "1", "6", fails: "3"),
    Case(#"{"not":{"type":"null"}}"#, fits: "1", fails: "null"),
    Case(##"{"$ref":"#/defs/deep~1er/x~0y"}"##, fits: "1", fails: "2"),
  ]

  @Test(
    "A schema that can't be evaluated is an error and never passes",
    arguments: [
      #"{"typ":"string"}"#, #"{"not":{"typ":"string"}}"#, #"{"anyOf":[true,{"if":true}]}"#,
      #"{"anyOf":[]}"#, #"{"type":"text"}"#, #"{"format":"email"}"#, ##"{"$ref":"#/defs/none"}"##,
      #"{"$ref":"other.json"}"#, #"{"pattern":"("}"#, #"{"minLength":-1}"#, #"{"minLength":"1"}"#,
      #"{"unevaluatedProperties":true}"#, #"{"required":"a"}"#, "1", #""x""#, "null",
    ])
  func faulty(schema: String) throws {
    let document = try schemas()
    for schema in [
      schema, #"{"properties":{"a":\#(schema)}}"#, #"{"items":\#(schema)}"#, #"{"not":\#(schema)}"#,
    ] {
      #expect(throws: (any Error).self) { try document.check(JSONReader.read(text: schema)) }
    }
  }

  @Test("An unknown keyword at any depth is an error during validation too")
  func unknownWhileJudging() throws {
    for schema in [#"{"typ":"string"}"#, #"{"not":{"typ":"string"}}"#, #"{"anyOf":[true,{"if":true}]}"#] {
      #expect(throws: SchemaFault.self) { try failures("1", schema) }
    }
  }

  private static let document = #"""
    {"defs": {
      "base": {"required": ["a"], "properties": {"a": {"type": "integer"}}},
      "deep/er": {"x~y": {"const": 1}}
    }}
    """#

  private func schemas() throws -> JSONSchema {
    JSONSchema(document: try JSONReader.read(text: Self.document))
  }

  private func failures(_ value: String, _ schema: String) throws -> [String] {
    try schemas().failures(of: JSONReader.read(text: value), by: JSONReader.read(text: schema))
  }
}
