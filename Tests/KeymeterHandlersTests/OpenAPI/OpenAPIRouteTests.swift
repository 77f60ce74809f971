import HTTPTypes
import Testing

@testable import KeymeterHandlers

@Suite("openapi.json: the operations")
struct OpenAPIRouteTests {
  @Test("Every route is documented, and every documented operation is routed")
  func routes() async throws {
    let document = try APIDocument.embedded.get()
    let service = try await Service()
    let table = KeymeterRouter(
      keys: service.keys, usage: service.usage, readiness: { .ready }
    ).routes
    let routed = table.methods.flatMap { path, methods in
      // HEAD follows GET and so is not listed.
      methods.filter { $0 != .head }.map { "\($0) \(APIDocument.Template.generalised(path))" }
    }
    #expect(document.ordinaryOperations == Set(routed))
  }

  @Test("Verification is documented at both paths, for every method that OpenAPI can name")
  func verification() throws {
    let verifying = try APIDocument.embedded.get().paths.filter(\.template.answersAnyMethod)
    #expect(verifying.map(\.template.path) == [Verify.path, Verify.path + "/{path}"])
    for (template, item) in verifying {
      #expect(APIDocument.methods.allSatisfy { item[$0] != nil }, "\(template.path)")
      #expect(Verify.TermsSource(path: template.path) == (template.takesTheRest ? .headers : .query))
    }
  }

  @Test("Every operation has a unique id, a tag, a summary and its security")
  func complete() throws {
    let document = try APIDocument.embedded.get()
    var names: Set<String> = []
    for (name, operation) in document.operations {
      guard case .string(let id)? = operation["operationId"], case .string? = operation["summary"],
        case .array(let tags)? = operation["tags"], case .array? = operation["security"]
      else {
        Issue.record("\(name) is incomplete")
        continue
      }
      #expect(names.insert(id).inserted, "\(id) is used twice")
      #expect(tags.count == 1, "\(name)")
    }
    #expect(names.count > 25)
  }

  @Test("Only the service's own routes need no credentials")
  func security() throws {
    for (name, operation) in try APIDocument.embedded.get().operations {
      let open = ["GET /health/live", "GET /health/ready", "GET /metrics", "GET /openapi.json"].contains(name)
      #expect((operation["security"] == .array([])) == open, "\(name)")
      #expect((operation["responses"]?["401"] == nil) == open, "\(name)")
    }
  }

  @Test("Every schema can be evaluated")
  func schemas() throws {
    let document = try APIDocument.embedded.get()
    var count = 0
    document.root.visit { place, value in
      if let schema = value["schema"] {
        count += 1
        #expect(throws: Never.self, "\(place)") { try document.schemas.check(schema) }
      }
    }
    guard case .object(let shared)? = document.root["components"]?["schemas"] else {
      Issue.record("there are no schemas")
      return
    }
    for member in shared.members {
      #expect(throws: Never.self, "\(member.name)") { try document.schemas.check(member.value) }
    }
    #expect(count > 50)
  }

  @Test("Every reference resolves, and every component is used")
  func references() throws {
    let document = try APIDocument.embedded.get()
    var used: Set<String> = [
      "#/components/responses/PathNotFound", "#/components/responses/MethodNotAllowed",
    ]
    document.root.visit { place, value in
      guard case .string(let reference)? = value["$ref"] else { return }
      used.insert(reference)
      #expect(throws: Never.self, "\(place)") { try document.schemas.resolve(reference) }
    }
    guard case .object(let kinds)? = document.root["components"] else { return }
    for kind in kinds.members where kind.name != "securitySchemes" {
      guard case .object(let parts) = kind.value else { continue }
      for part in parts.names {
        #expect(used.contains("#/components/\(kind.name)/\(part)"), "is not used")
      }
    }
  }
}

extension JSONValue {
  /// Visits this value and all values inside it, each with its location.
  func visit(at place: String = "#", _ body: (String, JSONValue) throws -> Void) rethrows {
    try body(place, self)
    switch self {
    case .object(let object):
      for member in object.members { try member.value.visit(at: "\(place)/\(member.name)", body) }
    case .array(let elements):
      for (index, element) in elements.enumerated() { try element.visit(at: "\(place)/\(index)", body) }
    default: break
    }
  }
}
