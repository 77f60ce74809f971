import FoundationEssentials
import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import Postgres
import Testing

/// Each implementation of the repository protocols; every suite here runs on all of them.
enum Backend: String, CaseIterable, Sendable {
  case inMemory
  case postgres

  /// Runs `body` with an empty store of this kind, and checks afterwards that its meter agrees with itself.
  func withStore(_ body: (StoreUnderTest) async throws -> Void) async throws {
    try await Midnight.isFarEnough()
    switch self {
    case .inMemory: try await Self.withModel(body)
    case .postgres: try await databases.hold { try await Self.withPostgres(body) }
    }
  }

  private static func withModel(_ body: (StoreUnderTest) async throws -> Void) async throws {
    let store = InMemoryManagementStore(clock: { .now })
    try await StoreUnderTest(
      store: store, operatorStore: store, auditLog: { store.auditLog.map(AuditLine.init) },
      nodes: [store, store],
      admitInOrder: { requests in
        var admissions: [Admission] = []
        for request in requests { admissions.append(try await store.admit(request)) }
        return admissions
      },
      metering: store, hooks: store, pepperStore: store
    ).checked(body)
  }

  private static func withPostgres(_ body: (StoreUnderTest) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { superuser in
        try await database.withPool(maximumConnections: 2, as: .owner) { owner in
          try await database.withPool(maximumConnections: 8, as: .app) { pool in
            try await withNodes(database) { nodes in
              try await StoreUnderTest(
                store: PostgresManagementStore(pool: pool),
                operatorStore: PostgresManagementStore(pool: owner),
                auditLog: { try await AuditLine.all(in: superuser) }, nodes: nodes,
                admitInOrder: { try await PostgresBatch(pool: pool).admit($0) },
                metering: PostgresMeteringStore(pool: pool), hooks: PostgresHooks(pool: superuser),
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

  /// How many batches a node has under way at once.
  private static let workers = 3
}

/// So many databases are in use at once: without a bound, every case of every suite would open its connections
/// together, and on a busy machine some would not come about in time.
private let databases = AsyncSemaphore(8)

/// A store, and a look at what it holds.
struct StoreUnderTest: Sendable {
  let store: any ManagementStore
  /// The same, as whoever holds the database's credentials has it: the server makes no organisations.
  let operatorStore: any ManagementStore
  let auditLog: @Sendable () async throws -> [AuditLine]
  /// Admission at two nodes that share nothing but the store.
  let nodes: [any AdmissionControl]
  /// Judges one batch, in its order.
  let admitInOrder: @Sendable ([AdmissionRequest]) async throws -> [Admission]
  let metering: any MeteringStore
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
    FROM keymeter.audit_log ORDER BY audit_id
    """)
}
