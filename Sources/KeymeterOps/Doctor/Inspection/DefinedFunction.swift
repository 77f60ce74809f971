import KeymeterRepository
import Postgres

/// A function or an aggregate of the schema, as a file makes it or as a database has it: equal where they are the same.
struct DefinedFunction: Sendable, Hashable {
  /// What tells it from all others; a call finds it by the types alone, with the names beside.
  struct Signature: Sendable, Hashable {
    let name: String
    /// Names and types, separated by commas.
    let arguments: String
  }

  let signature: Signature
  /// Its language, rights, volatility and settings, each in lower case, as `InspectionStatements.functionColumns` writes them.
  let traits: Set<String>
  /// What it runs, to the letter; empty for an aggregate.
  let body: String

  /// What a database has.
  init(_ row: Row) throws {
    signature = Signature(
      name: try row.decode("function", as: String.self),
      arguments: try row.decode("arguments", as: String.self))
    traits = Set(try row.decode("traits", as: [String].self))
    body = try row.decode("body", as: String.self)
  }

  fileprivate init(name: Substring, arguments: Substring, traits: Set<String>, body: Substring) {
    signature = Signature(name: String(name), arguments: Self.typed(arguments))
    self.traits = traits
    self.body = String(body)
  }

  /// As PostgreSQL writes arguments: without what they are by default, and by the types' long names.
  private static func typed(_ arguments: Substring) -> String {
    arguments.split(separator: ",").map { argument in
      argument.replacing(/\s+DEFAULT\s.*/, with: "").split(whereSeparator: \.isWhitespace)
        .map { $0 == "timestamptz" ? "timestamp with time zone" : $0 }.joined(separator: " ")
    }.joined(separator: ", ")
  }
}

extension SchemaFiles {
  /// What the files make, by signature; of several, the newest.
  var definedFunctions: [DefinedFunction.Signature: DefinedFunction] {
    (migrations.map(\.sql) + functions.map(\.sql)).flatMap(Self.functions)
      .reduce(into: [:]) { $0[$1.signature] = $1 }
  }

  private static func functions(in sql: String) -> [DefinedFunction] {
    let functions = sql.matches(
      of: /CREATE (?:OR REPLACE )?FUNCTION keymeter\.(\w+)\(([^()]*)\)([^$]*?)\nAS \$\$([\s\S]*?)\$\$/
    ).map { DefinedFunction(name: $0.1, arguments: $0.2, traits: traits(of: $0.3), body: $0.4) }
    let aggregates = sql.matches(
      of: /CREATE (?:OR REPLACE )?AGGREGATE keymeter\.(\w+)\(([^()]*)\)\s*\(([^()]*)\)/
    ).map {
      DefinedFunction(name: $0.1, arguments: $0.2, traits: Set(["aggregate"] + options(of: $0.3)), body: "")
    }
    return functions + aggregates
  }

  /// What stands between a function's arguments and its body.
  private static func traits(of header: Substring) -> Set<String> {
    let text = header.replacing(/--[^\n]*/, with: "")
    let settings = text.matches(of: /\bSET (\w+) = ([^\n]*)/).map { match in
      "set \(match.1)=\(match.2.filter { $0 != "'" })".lowercased().trimmingSuffix(while: \.isWhitespace)
    }
    let words = ["SECURITY DEFINER", "IMMUTABLE", "STABLE", "STRICT", "PARALLEL SAFE"].filter(text.contains)
      .map { $0.lowercased() }
    return Set(settings + words + text.matches(of: /LANGUAGE (\w+)/).map { "language \($0.1)" })
  }

  private static func options(of text: Substring) -> [String] {
    text.lowercased().replacing("pg_catalog.", with: "").split(separator: ",").map { option in
      option.filter { !$0.isWhitespace && $0 != "'" }
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
    var text = self
    while let last = text.last, isTrimmed(last) { text.removeLast() }
    return text
  }
}
