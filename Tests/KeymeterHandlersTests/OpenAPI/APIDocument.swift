import HTTPTypes

@testable import KeymeterHandlers

/// `openapi.json`, with the lookups that tests need.
struct APIDocument: Sendable {
  /// The embedded document, parsed once.
  static let embedded = Result {
    APIDocument(root: try JSONReader.read(Array(EmbeddedOpenAPI.text.utf8), depthLimit: 64))
  }

  let root: JSONValue
  /// The path items in the document's order.
  let paths: [(template: Template, item: JSONValue)]

  /// The methods a path item can list.
  ///
  /// HEAD follows GET unless it is listed.
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

  /// Every operation, named like `GET /path`.
  var operations: [(name: String, operation: JSONValue)] {
    paths.flatMap { template, item in
      Self.methods.compactMap { method in
        item[method].map { ("\(method.uppercased()) \(template.path)", $0) }
      }
    }
  }

  /// The operations of paths with fixed methods, named with `{}` for every parameter.
  var ordinaryOperations: Set<String> {
    Set(
      paths.filter { !$0.template.answersAnyMethod }.flatMap { template, item in
        Self.methods.filter { item[$0] != nil }.map { "\($0.uppercased()) \(template.generalised)" }
      })
  }

  /// The response object for a response to a call, or `nil` if its operation does not document the status.
  func response(to call: Call, status: Int) throws -> JSONValue? {
    let path = String(call.uri.prefix { $0 != "?" })
    guard let (template, item) = paths.first(where: { $0.template.matches(path) }) else {
      return try status == 404 ? schemas.resolve("#/components/responses/PathNotFound") : nil
    }
    let name = call.method.rawValue
    // Methods are case-sensitive: "get" is not GET.
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
  /// A path as written in the document.
  struct Template: Sendable {
    let path: String
    /// Whether all methods get the same response, including those that OpenAPI can't name.
    let answersAnyMethod: Bool
    /// Whether the last segment matches the rest of the path, which may be empty.
    let takesTheRest: Bool

    init(path: String, item: JSONValue) {
      self.path = path
      answersAnyMethod = item["x-keymeter-any-method"] == .bool(true)
      takesTheRest = item["x-keymeter-takes-the-rest"] == .bool(true)
    }

    /// The path with `{}` for every parameter.
    var generalised: String { Self.generalised(path) }

    /// A path of the document or of the router, with `{}` for every parameter.
    static func generalised(_ path: String) -> String {
      path.split(separator: "/", omittingEmptySubsequences: false)
        .map { $0.hasPrefix(":") || $0.hasPrefix("{") ? "{}" : $0 }.joined(separator: "/")
    }

    func matches(_ requested: String) -> Bool {
      // Verification is matched byte by byte, before routing.
      if takesTheRest { return requested.hasPrefix(path.prefix { $0 != "{" }) }
      if answersAnyMethod { return requested == path }
      let wanted = path.split(separator: "/")
      let found = requested.split(separator: "/")
      return wanted.count == found.count && zip(wanted, found).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
    }
  }
}
