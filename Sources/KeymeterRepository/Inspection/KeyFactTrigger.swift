import Postgres

/// One of the triggers that keep what keys are judged by with the keys' records, against what the migrations made it.
///
/// Without one of them a key goes on being judged by what it was before a change.
public struct KeyFactTrigger: Sendable, Hashable {
  /// The trigger's name.
  public let name: String
  /// What is wrong with it, in words; nil where nothing is.
  public let fault: String?

  /// Those of migrations 0014 and 0015.
  static let names = [
    "api_key_secrets_keep_key_facts", "api_key_secrets_take_key_facts", "api_keys_pass_key_facts_on",
  ]

  /// - Parameter rows: of `InspectionStatements.keyFactTriggers`; another table may have a trigger of that name too.
  init(name: String, among rows: [Row], files: SchemaFiles) throws {
    self.name = name
    let faults = try rows.filter { try $0.decode("name", as: String.self) == name }
      .map { try Self.fault(name, $0, files) }
    fault = faults.isEmpty ? "is missing" : faults.contains(nil) ? nil : faults[0]
  }

  private static func fault(_ name: String, _ row: Row, _ files: SchemaFiles) throws -> String? {
    let definition = try row.decode("definition", as: String.self)
    guard let intended = files.definition(ofTrigger: name), normalForm(definition) == normalForm(intended)
    else { return "is defined otherwise" }
    let body = try row.decode("body", as: String.self)
    let function = try row.decode("function", as: String.self)
    guard body == files.body(ofTriggerFunction: function), try row.decode("is_owners", as: Bool.self)
    else { return "runs another function" }
    return try row.decode("is_enabled", as: Bool.self) ? nil : "is off"
  }

  /// What a migration says and what PostgreSQL makes of it, so written that they are equal where they mean the same.
  ///
  /// PostgreSQL takes a comparison of two rows apart, and adds parentheses; it names schemas by the search path.
  static func normalForm(_ definition: String) -> String {
    let comparedByColumn = definition.replacing(
      /\(([^()]*)\)\s*IS DISTINCT FROM\s*\(([^()]*)\)/
    ) { match in
      zip(match.1.split(separator: ","), match.2.split(separator: ","))
        .map { "\($0) IS DISTINCT FROM \($1)" }.joined(separator: " OR ")
    }
    return comparedByColumn.lowercased().replacing("keymeter.", with: "")
      .filter { !$0.isWhitespace && $0 != "(" && $0 != ")" }
  }
}

extension SchemaFiles {
  /// The newest statement that makes a trigger of this name; nil where no migration does.
  fileprivate func definition(ofTrigger name: String) -> String? {
    let beginning = "CREATE TRIGGER \(name)\n"
    return newest(behind: beginning).map { beginning + $0.prefix { $0 != ";" } }
  }

  /// What the newest definition of a trigger's function has between its quotes; nil where no migration has one.
  fileprivate func body(ofTriggerFunction name: String) -> String? {
    let quotes = newest(behind: "FUNCTION keymeter.\(name)() RETURNS trigger\n")?
      .split(separator: "$$", maxSplits: 2, omittingEmptySubsequences: false)
    return quotes.flatMap { $0.count == 3 ? String($0[1]) : nil }
  }

  /// What follows this text in the newest migration that holds it.
  private func newest(behind text: String) -> Substring? {
    for migration in migrations.reversed() {
      let parts = migration.sql.split(separator: text, maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { return parts[1] }
    }
    return nil
  }
}
