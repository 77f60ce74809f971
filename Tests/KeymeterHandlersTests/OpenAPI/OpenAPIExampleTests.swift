import Testing

@testable import KeymeterHandlers

@Suite("openapi.json: the examples")
struct OpenAPIExampleTests {
  @Test("Every example of a body, parameter or header matches its schema")
  func examples() throws {
    let document = try APIDocument.embedded.get()
    var count = 0
    try document.root.visit { place, value in
      guard let schema = value["schema"] else { return }
      for (name, example) in try document.examples(of: value) {
        count += 1
        let faults = try document.schemas.failures(of: example, by: schema)
        #expect(faults == [], "\(place) \(name)")
      }
    }
    #expect(count > 100)
  }

  @Test("Every example and default in a schema matches that schema")
  func withinSchemas() throws {
    let document = try APIDocument.embedded.get()
    var count = 0
    try document.root.visit { place, value in
      var examples: [JSONValue] = []
      // In a schema `examples` is an array, in a body an object.
      if case .array(let values)? = value["examples"] { examples += values }
      if let standard = value["default"] { examples.append(standard) }
      for example in examples {
        count += 1
        let faults = try document.schemas.failures(of: example, by: value)
        #expect(faults == [], "\(place)")
      }
    }
    #expect(count > 20)
  }

  @Test("Every operation has an example of its body, its parameters and each response")
  func everyOperation() throws {
    let document = try APIDocument.embedded.get()
    for (name, operation) in document.operations {
      if let body = operation["requestBody"] { try expectExamples(in: body, of: document, "\(name)") }
      guard case .object(let responses)? = operation["responses"] else {
        Issue.record("\(name) has no responses")
        continue
      }
      for response in responses.members {
        try expectExamples(
          in: document.schemas.resolved(response.value), of: document, "\(name) \(response.name)")
      }
    }
    document.root.visit { place, value in
      guard value["in"] != nil, value["schema"] != nil else { return }
      #expect(value["example"] != nil, "\(place)")
    }
  }

  @Test("Every code that a problem response may have is shown in an example with the right status")
  func codes() throws {
    let document = try APIDocument.embedded.get()
    for (name, operation) in document.operations {
      guard case .object(let responses)? = operation["responses"] else { continue }
      for response in responses.members where response.name >= "400" {
        let resolved = try document.schemas.resolved(response.value)
        for type in ["application/problem+json", "application/json"] {
          guard let content = resolved["content"]?[type] else { continue }
          let shown = try document.examples(of: content).map(\.value)
          let statuses = shown.compactMap { $0["status"] }
          #expect(
            type == "application/json" || statuses.allSatisfy { $0 == .number(response.name) }, "\(name)")
          for code in content["schema"].map(Self.codes) ?? [] {
            #expect(shown.contains { $0["code"] == code }, "\(name) \(response.name) \(code.brief)")
          }
        }
      }
    }
  }

  /// The codes that a problem's schema allows.
  private static func codes(of schema: JSONValue) -> [JSONValue] {
    if case .array(let branches)? = schema["oneOf"] { return branches.flatMap(codes) }
    guard let code = schema["properties"]?["code"] else { return [] }
    if case .array(let several)? = code["enum"] { return several }
    return code["const"].map { [$0] } ?? []
  }

  private func expectExamples(in part: JSONValue, of document: APIDocument, _ name: String) throws {
    guard case .object(let content)? = part["content"] else {
      Issue.record("\(name) has no content")
      return
    }
    for type in content.members {
      #expect(try !document.examples(of: type.value).isEmpty, "\(name) has no example")
    }
  }
}

extension APIDocument {
  /// The examples of a body, parameter or header by name.
  func examples(of value: JSONValue) throws -> [(name: String, value: JSONValue)] {
    var examples = value["example"].map { [("example", $0)] } ?? []
    if case .object(let named)? = value["examples"] {
      for member in named.members {
        guard let value = try schemas.resolved(member.value)["value"] else {
          throw SchemaFault("the example \(member.name) has no value")
        }
        examples.append((member.name, value))
      }
    }
    return examples
  }
}
