import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Two tenants with a row in every table, and connections to try statements on.
struct RoleScene: Sendable {
  let database: TestDatabase
  /// The tenant under attack.
  let victim = "org_victim"
  /// The tenant that the transaction has set.
  let home = "org_home"

  /// Runs `body` with a database that has both tenants.
  static func with(_ body: (RoleScene) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      let scene = RoleScene(database: database)
      try await database.withPool { pool in
        try await pool.withConnection { connection in
          for organisation in [scene.victim, scene.home] {
            try await connection.executeScript(Self.rows(of: organisation))
          }
        }
      }
      try await body(scene)
    }
  }

  /// Runs `body` with a connection of a login that has not switched its role.
  func connected<Output>(
    as login: TestDatabase.Login?, _ body: (RoleSession) async throws -> Output
  ) async throws -> Output {
    let url = if let login { try await database.url(as: login) } else { database.url }
    return try await ConnectionPool.with(url: url, maximumConnections: 1) { pool in
      try await body(RoleSession(pool: pool))
    }
  }

  private static func rows(of organisation: String) -> String {
    """
    \(ReportingSeed.key("key_\(organisation)", organisation: organisation))
    \(ReportingSeed.month("key_\(organisation)", organisation: organisation, used: "1, 0, 0"))
    \(ReportingSeed.day("key_\(organisation)", organisation: organisation, day: ReportingSeed.today, used: "1, 0, 0"))
    \(ReportingSeed.day("key_\(organisation)", organisation: organisation, day: "'1999-01-01'", used: "1, 0, 0"))
    INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
    VALUES ('\(organisation)', 'key_\(organisation)', sha256('\(organisation)'), 'p');
    INSERT INTO keymeter.former_secrets (organisation_id, key_id, secret_hash, superseded_at)
    VALUES ('\(organisation)', 'key_\(organisation)', sha256('former \(organisation)'), now());
    INSERT INTO keymeter.audit_log (
      organisation_id, audit_id, occurred_at, principal, action, target, request_id, changes)
    VALUES ('\(organisation)', 1, now(), 'cli', 'organisation.created', '\(organisation)', 'req', '{}');
    INSERT INTO keymeter.audit_heads (organisation_id, last_audit_id) VALUES ('\(organisation)', 1);
    INSERT INTO keymeter_home.directory (organisation_id, provider_id) VALUES ('\(organisation)', '\(organisation)');
    INSERT INTO keymeter.reservations (
      organisation_id, reservation_id, key_id, day, requests, tokens, stt_secs, reserved_at, expires_at, on_expiry)
    VALUES ('\(organisation)', 'rsv_\(organisation)', 'key_\(organisation)', \(ReportingSeed.today), 0, 0, 0, now(),
      now() + interval '1 hour', 'release');
    INSERT INTO keymeter.usage_events (
      organisation_id, event_id, key_id, requests, tokens, stt_secs, over_limit, recorded_at)
    VALUES ('\(organisation)', 'event', 'key_\(organisation)', 1, 0, 0, false, now());
    INSERT INTO keymeter.idempotency_keys (organisation_id, key_id, name_hash, salt, sealed_answer, expires_at)
    VALUES ('\(organisation)', 'key_\(organisation)', sha256('n'), sha256('s'), decode(repeat('00', 29), 'hex'), now());
    """
  }
}

/// A connection that reports the outcome of statements.
struct RoleSession: Sendable {
  let pool: ConnectionPool

  /// The SQLSTATE of the error that a script gets, or nil if it succeeds.
  ///
  /// The script is always rolled back.
  func rejection(of sql: String, in organisation: String? = nil) async throws -> String? {
    do {
      try await pool.withTransaction { connection -> Void in
        try await Self.enter(organisation, connection)
        try await connection.executeScript(sql)
        throw Undone()
      }
      return nil
    } catch is Undone {
      return nil
    } catch let error as PostgresError {
      return error.sqlState?.rawValue ?? "\(error)"
    }
  }

  /// The rows of a query in a tenant's transaction as text, or nil if a privilege is missing.
  func rows(_ sql: String, in organisation: String? = nil) async throws -> [String]? {
    do {
      return try await pool.withTransaction { connection in
        try await Self.enter(organisation, connection)
        return try await connection.execute(Statement("test_rows_\(sql.hashValue)", sql)).rows.map {
          try $0.decode(0, as: String.self)
        }
      }
    } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
      return nil
    }
  }

  private struct Undone: Error {}

  private static func enter(_ organisation: String?, _ connection: Connection) async throws {
    guard let organisation else { return }
    _ = try await connection.execute(OrganisationStatements.setTenant, [.text(organisation)])
  }
}
