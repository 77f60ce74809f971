import Crypto
import KeymeterDomain

/// One migration: `NNNN_verb_noun.sql`, applied once, in its own transaction.
package struct Migration: Sendable {
  let version: Int32
  /// The file's name.
  package let name: String
  package let sql: String
  let checksum: String
}

/// A file of functions, views, triggers or grants, applied again when its text changes.
package struct SchemaFunction: Sendable {
  /// The file's name.
  package let name: String
  package let sql: String
  let checksum: String
}

/// The schema files that this binary was built with.
package struct SchemaFiles: Sendable {
  package let migrations: [Migration]
  package let functions: [SchemaFunction]

  package init(migrations: [Migration], functions: [SchemaFunction]) {
    self.migrations = migrations
    self.functions = functions
  }

  /// Whether the schema has partitioned daily usage.
  var makesUsagePartitions: Bool { functions.contains { $0.name == "ensure_usage_partitions.sql" } }

  /// The functions to apply when `outdated` of them differ: the grants are always among them.
  func functions(toApply outdated: [String]) -> [SchemaFunction] {
    guard !outdated.isEmpty else { return [] }
    return functions.filter { outdated.contains($0.name) || $0.name == "grants.sql" }
  }

  /// The files of `sql/` at build time.
  package static let embedded = SchemaFiles(
    migrations: EmbeddedSQL.migrations.map { Migration($0) },
    functions: EmbeddedSQL.functions.map { SchemaFunction($0) })
}

extension Migration {
  init(_ file: EmbeddedSQLFile) {
    // A test rejects names without a number.
    version = Int32(file.name.prefix { $0.isNumber }) ?? 0
    name = file.name
    sql = Schema.fillingIn(file.text)
    checksum = sha256Hex(file.text)
  }
}

extension SchemaFunction {
  init(_ file: EmbeddedSQLFile) {
    name = file.name
    sql = Schema.fillingIn(file.text)
    checksum = sha256Hex(file.text)
  }
}

private func sha256Hex(_ text: String) -> String { SHA256.hash(data: Array(text.utf8)).hexadecimal }
