import Postgres

/// What a PostgreSQL server is, and how it is used just now.
struct ServerFacts: Sendable, Hashable {
  /// As the server writes it: `15.12 (Debian 15.12-0+deb12u2)`.
  let version: String
  /// The same as a number: 150012.
  let versionNumber: Int
  /// The database's name.
  let database: String
  /// Whether it follows another server, and so can't be written to.
  let isStandby: Bool
  /// How many others follow it.
  let standbys: Int
  /// How many clients are connected.
  let connections: Int
  /// Whether the connection to it, or to the pooler's place, is encrypted.
  let isEncrypted: Bool
  /// The most connections that the login may have; nil for any number.
  let loginLimit: Int?
  /// The most connections that the database takes; nil for any number.
  let databaseLimit: Int?

  init(_ row: Row) throws {
    version = try row.decode("version", as: String.self)
    versionNumber = Int(try row.decode("version_number", as: Int32.self))
    database = try row.decode("database", as: String.self)
    isStandby = try row.decode("is_standby", as: Bool.self)
    standbys = Int(try row.decode("standbys", as: Int64.self))
    connections = Int(try row.decode("connections", as: Int64.self))
    isEncrypted = try row.decode("is_encrypted", as: Bool.self)
    loginLimit = try row.decode("login_limit", as: Int32?.self).map { Int($0) }
    databaseLimit = try row.decode("database_limit", as: Int32?.self).map { Int($0) }
  }
}

/// One of PostgreSQL's settings, as a session has it.
struct ServerSetting: Sendable, Hashable {
  /// The value, without its unit.
  let value: String
  /// What a number counts: `ms`, `8kB` and so on; empty where it has none.
  let unit: String
  /// Where the value comes from: `default`, `configuration file`, `database`, `user` and so on.
  let source: String

  init(_ row: Row) throws {
    value = try row.decode("setting", as: String.self)
    unit = try row.decode("unit", as: String.self)
    source = try row.decode("source", as: String.self)
  }
}
