import KeymeterDomain
import KeymeterRepository
import KeymeterServer
import Postgres

/// One thing about the database that `keymeter doctor` looks at.
protocol DatabaseCheck: Sendable {
  /// Lower case, with hyphens.
  var name: String { get }
  /// Whether it says something only of a schema that is as this binary needs it.
  var needsSchema: Bool { get }
  /// How long it may take before it is given up.
  var limit: Duration { get }

  /// - Throws: `PostgresError`, `StoreError`, where it can't be told.
  func judge(_ database: ExaminedDatabase) async throws -> CheckResult
}

extension DatabaseCheck {
  var needsSchema: Bool { false }
  var limit: Duration { .seconds(10) }
}

/// The database that is looked at, by connections like the server's.
struct ExaminedDatabase: Sendable {
  let pool: ConnectionPool
  let settings: DatabaseSettings
  /// nil where the setting can't be used.
  let peppers: PepperSet?
  let pooling: Pooling

  var inspection: DatabaseInspection { DatabaseInspection(pool: pool) }

  /// One of PostgreSQL's settings; nil where the server doesn't know it.
  func setting(_ name: String) async throws -> ServerSetting? { try await inspection.settings([name])[name] }
}
