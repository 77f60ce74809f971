import HTTPTypes

@testable import KeymeterHandlers

/// `openapi.json`, as tests ask it.
struct APIDocument: Sendable {
  /// The document that the binary carries, read once.
  static let embedded = Result {
    APIDocument(root: try JSONReader.read(Array(EmbeddedOpenAPI.text.utf8), depthLimit: 64))
  }

  let root: JSONValue
  /// The paths in the document's order, each with what it holds.
  let paths: [(template: Template, item: JSONValue)]

  /// What operations are written as in a path item; HEAD is what GET is, unless it is written too.
  static let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]

  init(root: JSONValue) {
    self.root = root
    guard case .object(let paths)? = root["paths"] else {
      self.paths = []
      return
    }
    self.paths = paths.members.map { (Template(path: $0.name, item: $0.value), $0.value) }
  }

  var schemas: JSONSchema { JSONSchema(document: root) }

  /// Every operation, named as `GET /path`.
  var operations: [(name: String, operation: JSONValue)] {
    paths.flatMap { template, item in
      Self.methods.compactMap { method in
        item[method].map { ("\(method.uppercased()) \(template.path)", $0) }
      }
    }
  }

  /// The operations of paths that answer some methods only, named with `{}` for whatever parameter.
  var ordinaryOperations: Set<String> {
    Set(
      paths.filter { !$0.template.answersAnyMethod }.flatMap { template, item in
        Self.methods.filter { item[$0] != nil }.map { "\($0.uppercased()) \(template.generalised)" }
      })
  }

  /// The response object for an answer to a call; `nil` where the call's operation documents no such status.
  func response(to call: Call, status: Int) throws -> JSONValue? {
    let path = String(call.uri.prefix { $0 != "?" })
    guard let (template, item) = paths.first(where: { $0.template.matches(path) }) else {
      return try status == 404 ? schemas.resolve("#/components/responses/PathNotFound") : nil
    }
    let name = call.method.rawValue
    // A method's name has upper-case letters; "get" is another method than GET.
    let written =
      Self.methods.contains(name.lowercased()) && name == name.uppercased() ? name.lowercased() : ""
    guard
      let operation = item[written] ?? (call.method == .head || template.answersAnyMethod ? item["get"] : nil)
    else {
      return try status == 405 ? schemas.resolve("#/components/responses/MethodNotAllowed") : nil
    }
    return try operation["responses"]?["\(status)"].map(schemas.resolved)
  }
}

extension APIDocument {
  /// A path as the document writes it.
  struct Template: Sendable {
    let path: String
    /// Whether every method is answered alike, those included that OpenAPI has no name for.
    let answersAnyMethod: Bool
    /// Whether the last segment stands for all that follows, nothing included.
    let takesTheRest: Bool

    init(path: String, item: JSONValue) {
      self.path = path
      answersAnyMethod = item["x-keymeter-any-method"] == .bool(true)
      takesTheRest = item["x-keymeter-takes-the-rest"] == .bool(true)
    }

    /// The path with `{}` for whatever parameter.
    var generalised: String { Self.generalised(path) }

    /// A path of ours or of the router's, with `{}` for whatever parameter.
    static func generalised(_ path: String) -> String {
      path.split(separator: "/", omittingEmptySubsequences: false)
        .map { $0.hasPrefix(":") || $0.hasPrefix("{") ? "{}" : $0 }.joined(separator: "/")
    }

    func matches(_ requested: String) -> Bool {
      // Verification is told apart before routing, to the byte.
      if takesTheRest { return requested.hasPrefix(path.prefix { $0 != "{" }) }
      if answersAnyMethod { return requested == path }
      let wanted = path.split(separator: "/")
      let found = requested.split(separator: "/")
      return wanted.count == found.count && zip(wanted, found).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
    }
  }
}
