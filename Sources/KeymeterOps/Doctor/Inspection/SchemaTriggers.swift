import KeymeterRepository
import Postgres

/// Triggers that a promise rests on, and the tables that must have no others.
struct SchemaTriggers: Sendable, Hashable {
  /// The triggers' names.
  let names: [String]
  let tables: [String]

  /// Those that keep what keys are judged by with the keys' records.
  ///
  /// Without one of them a key goes on being judged by what it was before a change.
  static let keyFacts = SchemaTriggers(
    names: [
      "api_key_secrets_copy_key_columns", "api_keys_propagate_key_columns",
    ], tables: ["api_key_secrets", "api_keys"])

  /// What refuses every change of the audit log.
  static let auditLog = SchemaTriggers(names: ["audit_log_is_append_only"], tables: ["audit_log"])

  /// What is wrong with them, each in words that begin with a name.
  ///
  /// - Parameters:
  ///   - rows: Of `InspectionStatements.triggers`.
  ///   - rules: Of `InspectionStatements.rules`.
  ///   - mayBeOthers: Whether a newer version may have made them otherwise, or more of them; none may be missing or off.
  func faults(_ rows: [Row], rules: [Row], files: SchemaFiles, mayBeOthers: Bool) throws -> [String] {
    let functions = files.definedFunctions
    let faults = try names.compactMap { name in
      let named = try rows.filter { try $0.decode("name", as: String.self) == name }
      guard !named.isEmpty else { return "\(name) is missing" }
      return try named.lazy.compactMap { try Self.fault($0, name, files, functions, mayBeOthers) }.first
        .map { "\(name) \($0)" }
    }
    guard !mayBeOthers else { return faults }
    return try faults
      + (rows + rules).compactMap { row in
        let name = try row.decode("name", as: String.self)
        guard !names.contains(name) else { return nil }
        return "\(name) on \(try row.decode("table", as: String.self)) is none of the migrations'"
      }
  }

  private static func fault(
    _ row: Row, _ name: String, _ files: SchemaFiles,
    _ functions: [DefinedFunction.Signature: DefinedFunction],
    _ mayBeAnother: Bool
  ) throws -> String? {
    guard try row.decode("is_enabled", as: Bool.self) else { return "is off" }
    guard !mayBeAnother else { return nil }
    let definition = try row.decode("definition", as: String.self)
    guard let intended = files.definition(ofTrigger: name), normalForm(definition) == normalForm(intended),
      try !row.decode("is_bound_elsewhere", as: Bool.self)
    else { return "is defined otherwise" }
    let function = try DefinedFunction(row)
    guard functions[function.signature] == function, try row.decode("is_owners", as: Bool.self)
    else { return "runs another function" }
    return nil
  }

  /// What a file says and what PostgreSQL makes of it, so written that they are equal where they mean the same.
  ///
  /// PostgreSQL takes a comparison of two rows apart, and adds parentheses; it orders events, and names schemas.
  static func normalForm(_ definition: String) -> String {
    let comparedByColumn = definition.replacing(
      /\(([^()]*)\)\s*IS DISTINCT FROM\s*\(([^()]*)\)/
    ) { match in
      zip(match.1.split(separator: ","), match.2.split(separator: ","))
        .map { "\($0) IS DISTINCT FROM \($1)" }.joined(separator: " OR ")
    }
    let ordered = comparedByColumn.replacing("UPDATE OR DELETE", with: "DELETE OR UPDATE")
    return ordered.lowercased().replacing("keymeter.", with: "")
      .filter { !$0.isWhitespace && $0 != "(" && $0 != ")" }
  }
}

extension SchemaFiles {
  /// The newest statement that makes a trigger of this name; nil where no file does.
  fileprivate func definition(ofTrigger name: String) -> String? {
    for sql in (functions.map(\.sql) + migrations.reversed().map(\.sql)) {
      let parts = sql.split(separator: " TRIGGER \(name)\n", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { return "CREATE TRIGGER \(name)\n" + parts[1].prefix { $0 != ";" } }
    }
    return nil
  }
}
