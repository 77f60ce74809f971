import FoundationEssentials
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Postgres
import Testing

/// The implementations of the repository protocols.
///
/// Every suite here runs on each of them.
enum Backend: String, CaseIterable, Sendable {
  case inMemory
  case postgres

  /// Runs `body` with an empty store of this kind, then checks that the usage tables agree with each other.
  func withStore(_ body: (StoreUnderTest) async throws -> Void) async throws {
    try await Midnight.isFarEnough()
    switch self {
    case .inMemory: try await Self.withModel(body)
    case .postgres: try await databases.hold { try await Self.withPostgres(body) }
    }
  }

  private static func withModel(_ body: (StoreUnderTest) async throws -> Void) async throws {
    let store = InMemoryStore(clock: { .now })
    try await StoreUnderTest(
      store: store, operatorStore: store, auditLog: { store.auditLog.map(AuditLine.init) },
      nodes: [store, store],
      admitInOrder: { requests in
        var admissions: [Admission] = []
        for request in requests { admissions.append(try await store.admit(request)) }
        return admissions
      },
      hooks: store, pepperStore: store
    ).checked(body)
  }

  private static func withPostgres(_ body: (StoreUnderTest) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { superuser in
        try await database.withPool(maximumConnections: 2, as: .owner) { owner in
          try await database.withPool(maximumConnections: 8, as: .app) { pool in
            try await withNodes(database) { nodes in
              try await StoreUnderTest(
                store: PostgresTenantStore(pool: pool),
                operatorStore: PostgresTenantStore(pool: owner),
                auditLog: { try await AuditLine.all(in: superuser) }, nodes: nodes,
                admitInOrder: { try await PostgresBatch(pool: pool).admit($0) },
                hooks: PostgresHooks(pool: superuser),
                pepperStore: PostgresPepperStore(pool: pool)
              ).checked(body)
            }
          }
        }
      }
    }
  }

  private static func withNodes(
    _ database: TestDatabase, _ body: ([AdmissionBatcher]) async throws -> Void
  ) async throws {
    try await database.withPool(maximumConnections: workers, as: .app) { first in
      try await database.withPool(maximumConnections: workers, as: .app) { second in
        let nodes = [first, second].map { AdmissionBatcher(pool: $0, options: .init(workers: workers)) }
        try await body(nodes)
        for node in nodes { await node.drain() }
      }
    }
  }

  /// The number of concurrent batches per node.
  private static let workers = 3
}

/// Limits the number of databases in use.
///
/// If all test cases connected at once, some connections would time out on a busy machine.
private let databases = AsyncSemaphore(8)

/// The store under test, with access to its contents.
struct StoreUnderTest: Sendable {
  let store: any TenantStore
  /// A store in the owner's role, because the server's role creates no organisations.
  let operatorStore: any TenantStore
  let auditLog: @Sendable () async throws -> [AuditLine]
  /// Two nodes that share nothing but the store.
  let nodes: [any AdmissionControl]
  /// Judges one batch in the given order.
  let admitInOrder: @Sendable ([AdmissionRequest]) async throws -> [Admission]
  let hooks: any MeterHooks
  let pepperStore: any PepperStore

  var admission: any AdmissionControl { nodes[0] }

  fileprivate func checked(_ body: (StoreUnderTest) async throws -> Void) async throws {
    try await body(self)
    #expect(try await hooks.meter().contradictions == [])
  }

  var peppers: PepperSet {
    get throws { try .test }
  }

  /// Runs `body` in a transaction whose tenant is this organisation.
  func entered<Output: Sendable>(
    _ organisation: OrganisationID, _ body: @Sendable (any TenantTransaction) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      try await transaction.setTenant(organisation)
      return try await body(transaction)
    }
  }
}

/// The parts of an audit entry on which all backends must agree.
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
      case .gitHub: "github"
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
    FROM keymeter.audit_log ORDER BY occurred_at, audit_id
    """)
}
