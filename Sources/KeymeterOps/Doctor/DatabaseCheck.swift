import KeymeterDomain
import KeymeterRepository
import KeymeterServer
import Postgres

/// A check of the database.
struct DatabaseCheck: Sendable {
  /// Lower case with hyphens, or PostgreSQL's name of a setting.
  let name: String
  /// Skip the check unless this binary's migrations are applied.
  let needsSchema: Bool
  /// - Throws: `SkippedCheck`, or any error that leaves the result unknown.
  let judge: @Sendable (DoctorDatabase) async throws -> CheckResult

  init(
    _ name: String, needsSchema: Bool = false,
    judge: @escaping @Sendable (DoctorDatabase) async throws -> CheckResult
  ) {
    self.name = name
    self.needsSchema = needsSchema
    self.judge = judge
  }

  /// In the order of the report.
  ///
  /// `partitions` comes first among those that read definitions: a session that it names can make the others
  /// wait.
  static let all = [version, role, migrations, partitions] + schema + [peppers, pepperKeys] + server
}

/// The result depends on another check.
struct SkippedCheck: Error {
  let reason: String
}

/// The database, over connections like the server's.
struct DoctorDatabase: Sendable {
  let pool: ConnectionPool
  let settings: DatabaseSettings
  /// Nil if the setting is unusable.
  let peppers: PepperSet?
  let isPooled: Bool
  let drift: SchemaDrift

  func rows(_ statement: Statement, _ parameters: [Parameter] = []) async throws -> [Row] {
    try await pool.withConnection { try await $0.execute(statement, parameters).rows }
  }

  func row(_ statement: Statement, _ parameters: [Parameter] = []) async throws -> Row {
    try await pool.withConnection { try await $0.row(of: statement, parameters) }
  }

  /// PostgreSQL's settings as this login has them.
  ///
  /// Those that the server doesn't know are missing.
  func serverSettings(_ names: String...) async throws -> [String: ServerSetting] {
    try await rows(DoctorStatements.settings, [.textArray(names)])
      .reduce(into: [:]) { $0[try $1.decode("name", as: String.self)] = try ServerSetting($1) }
  }

  /// One of PostgreSQL's settings.
  func serverSetting(_ name: String) async throws -> ServerSetting {
    guard let setting = try await serverSettings(name)[name] else {
      throw SkippedCheck(reason: "this server has no such setting")
    }
    return setting
  }
}

/// One of PostgreSQL's settings.
struct ServerSetting: Sendable {
  /// Without its unit.
  let value: String
  /// Where the value was set: `default`, `configuration file`, `database`, `user` and so on.
  let source: String

  init(_ row: Row) throws {
    value = try row.decode("setting", as: String.self)
    source = try row.decode("source", as: String.self)
  }

  var description: String { "\(value) (from: \(source))" }
}
