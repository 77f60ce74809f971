import FoundationEssentials
import Hummingbird
import HummingbirdTesting
import KeymeterDomain
import KeymeterHandlers
import KeymeterRepository
import KeymeterTesting
import Logging
import NIOCore
import Testing

/// The whole application with an attacker.
struct HostileService: Sendable {
  let client: any TestClientProtocol
  let caller: HostileCaller

  /// No normal response takes so long.
  ///
  /// PostgreSQL's own timeouts are longer.
  private static let longest = Duration.seconds(30)

  /// Sends a request and checks that the response is well-formed.
  ///
  /// - Returns: the status.
  func attack(
    _ request: HostileRequest, _ comment: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Int {
    let begun = ContinuousClock.now
    let response = try await client.execute(
      uri: request.uri, method: request.method, headers: request.headers,
      body: request.body.map { ByteBuffer(bytes: $0) })
    let time = ContinuousClock.now - begun
    var faults = ResponseRules.faults(of: response, to: request)
    if time > Self.longest { faults.append("the response took \(time)") }
    if !faults.isEmpty {
      let body = String(buffer: response.body).prefix(500)
      Issue.record(
        "\(faults.joined(separator: "; ")): \(response.status.code) \(body)\nto \(request)\n\(comment)",
        sourceLocation: sourceLocation)
    }
    return response.status.code
  }

  /// Whether the caller's key still authenticates.
  ///
  /// If not, the preceding requests prove nothing.
  func callerIsAuthentic() async throws -> Bool {
    let request = HostileCall.own.request(of: caller, on: "")
    return try await client.execute(uri: request.uri, method: .get, headers: request.headers, body: nil)
      .status == .ok
  }

  /// Runs `body` over the in-memory store.
  static func withModel(_ body: @Sendable (HostileService) async throws -> Void) async throws {
    let store = InMemoryStore(clock: { .now })
    try await serve(store, admission: store, body)
  }

  /// Runs `body` over PostgreSQL.
  static func withPostgres(_ body: @Sendable (HostileService) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        try await database.withPool { workers in
          let batcher = AdmissionBatcher(pool: workers, options: .init(workers: 2))
          try await serve(
            PostgresTenantStore(pool: pool), admission: batcher, body)
          await batcher.drain()
        }
      }
    }
  }

  private static func serve(
    _ store: some TenantStore, admission: some AdmissionControl,
    _ body: @Sendable (HostileService) async throws -> Void
  ) async throws {
    let peppers = try PepperSet.test
    let home = try await TestOrganisation.create("home", in: store)
    let keys = KeyService(store: store, peppers: peppers)
    var targets: [String] = []
    for _ in 0..<8 {
      let child = try await keys.create(
        KeyDraft(friendlyName: try .test("Till")), by: home.credentials)
      targets.append(child.key.id.rawValue)
    }
    let caller = HostileCaller(key: home.root.secret.revealed, provider: "home", targets: targets)
    let router = KeymeterRouter(
      keys: keys, usage: UsageService(admission: admission, store: store, peppers: peppers),
      readiness: { .ready })
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    try await Application(responder: router.responder(), logger: logger).test(.router) { client in
      try await body(HostileService(client: client, caller: caller))
    }
  }
}
