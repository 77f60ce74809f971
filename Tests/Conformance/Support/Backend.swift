import FoundationEssentials
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Postgres

/// Each implementation of the repository protocols; every suite here runs on all of them.
enum Backend: String, CaseIterable, Sendable {
  case inMemory
  case postgres

  /// Runs `body` with an empty store of this kind.
  func withStore(_ body: (StoreUnderTest) async throws -> Void) async throws {
    switch self {
    case .inMemory:
      let store = InMemoryManagementStore(clock: {
        Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
      })
      try await body(
        StoreUnderTest(store: store, auditLog: { store.auditLog.map(AuditLine.init) }))
    case .postgres:
      try await TestDatabase.withMigrated { database in
        try await database.withPool(maximumConnections: 8) { pool in
          try await body(
            StoreUnderTest(
              store: PostgresManagementStore(pool: pool), auditLog: { try await AuditLine.all(in: pool) }))
        }
      }
    }
  }
}

/// A store, and a look at its audit log.
struct StoreUnderTest: Sendable {
  let store: any ManagementStore
  let auditLog: @Sendable () async throws -> [AuditLine]

  var peppers: PepperSet {
    get throws { try .test }
  }

  /// Runs `body` in a transaction that has entered an organisation.
  func entered<Output: Sendable>(
    _ organisation: OrganisationID, _ body: @Sendable (any ManagementTransaction) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      try await transaction.enter(organisation)
      return try await body(transaction)
    }
  }
}

/// What every backend must say of an audit entry.
struct AuditLine: Equatable, Sendable {
  let organisation: String
  let principal: String
  let action: String
  let target: String
  let fields: [String]

  init(_ entry: AuditEntry) {
    organisation = entry.organisationID.rawValue
    principal =
      switch entry.principal {
      case .key(let id, _): id.rawValue
      case .commandLine: "cli"
      }
    action = entry.action.rawValue
    target = entry.target
    fields = entry.changes.map(\.field).sorted()
  }

  private init(_ row: Row) throws {
    organisation = try row.decode("organisation_id", as: String.self)
    principal = try row.decode("principal", as: String.self)
    action = try row.decode("action", as: String.self)
    target = try row.decode("target", as: String.self)
    fields = try row.decode("fields", as: [String].self)
  }

  static func all(in pool: ConnectionPool) async throws -> [AuditLine] {
    try await pool.withConnection { try await $0.execute(statement).rows.map(AuditLine.init) }
  }

  private static let statement = Statement(
    "test_audit_log",
    """
    SELECT organisation_id, principal, action, target,
      ARRAY(SELECT jsonb_object_keys(changes) ORDER BY 1) AS fields
    FROM keymeter.audit_log ORDER BY audit_id
    """)
}
