import Hummingbird
import HummingbirdCore
package import KeymeterDomain
import KeymeterHandlers
package import KeymeterRepository
package import Logging
import NIOCore
import Postgres
import ServiceLifecycle
import UnixSignals

/// The server: connection pools, services, routes and graceful shutdown.
package struct KeymeterServer: Sendable {
  private let database: DatabaseSettings
  private let listen: ListenSettings
  private let peppers: PepperSet
  /// The keys that GitHub signs its leak reports with, or nil to reject all reports.
  private let leakReporter: ReporterKeys?
  private let authentication: AuthFailureSettings
  private let logger: Logger

  package init(
    database: DatabaseSettings, listen: ListenSettings, peppers: PepperSet, leakReporter: ReporterKeys?,
    authentication: AuthFailureSettings, logger: Logger
  ) {
    self.database = database
    self.listen = listen
    self.peppers = peppers
    self.leakReporter = leakReporter
    self.authentication = authentication
    self.logger = logger
  }

  /// The statement timeout for requests.
  private static let statementTimeout = Duration.seconds(5)
  /// How long requests in flight may take to finish on shutdown.
  private static let longestShutdown = Duration.seconds(20)

  /// The time limit of one admission batch.
  ///
  /// A request waits for two batches at most.
  private static let admissionTimeout = Duration.seconds(3)
  /// How long an analytics query may wait for a connection: as long as its time limit.
  private static let analyticsWaitLimit = Duration.seconds(15)
  /// The statement timeout of the readiness check.
  private static let readinessTimeout = Duration.seconds(1)

  /// Serves until SIGTERM or SIGINT, then drains, finishes the requests in flight and returns.
  ///
  /// - Parameter onListening: Called with the port once connections are accepted.
  package func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
    let tls = try listen.tls.map { settings throws(SettingError) in
      try TLSIdentity(settings, logger: logger)
    }
    let pool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.statementTimeout, role: .app),
      options: .init(maximumConnections: database.maximumConnections), logger: logger)
    // Separate, so that listing keys can't delay admission.
    let admissionPool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.admissionTimeout, role: .app),
      options: .init(maximumConnections: database.admissionWorkers), logger: logger)
    // Separate, so that queries over years can't hold the connections that manage keys.
    let analyticsPool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.statementTimeout, role: .app),
      options: .init(maximumConnections: database.analyticsConnections, waitLimit: Self.analyticsWaitLimit),
      logger: logger)
    // Separate, so that a busy node is not reported as broken.
    let readinessPool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.readinessTimeout, role: .app),
      options: .init(maximumConnections: 1), logger: logger)
    let metrics = ServerMetrics()
    let admission = AdmissionBatcher.Options(workers: database.admissionWorkers)
    let batcher = AdmissionBatcher(pool: admissionPool, options: admission, observer: metrics.batches)
    metrics.watch(pool, name: "general", limit: database.maximumConnections)
    metrics.watch(admissionPool, name: "admission", limit: database.admissionWorkers)
    metrics.watch(analyticsPool, name: "analytics", limit: database.analyticsConnections)
    metrics.watch(readinessPool, name: "readiness", limit: 1)
    metrics.watch(batcher, admission)
    let pools = Pools(
      general: pool, admission: admissionPool, analytics: analyticsPool, readiness: readinessPool)
    let result: Result<Void, any Error>
    do {
      try await requireUsableDatabase(pool)
      try await serve(pools, batcher, tls, metrics, onListening: onListening)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    // All requests have been answered by now. This covers those whose connection broke.
    await batcher.drain()
    await admissionPool.close()
    await analyticsPool.close()
    await readinessPool.close()
    await pool.close()
    try result.get()
  }

  /// Fails if the schema is outdated, the role is not safe to serve with, or the peppers don't match.
  ///
  /// If the database is unavailable, the server starts anyway and reports not ready.
  private func requireUsableDatabase(_ pool: ConnectionPool) async throws {
    do {
      let state = try await schemaState(pool)
      guard state.isUsable else { throw SchemaNotUsable(state: state) }
      let standing = try await ServerRoleCheck.current(on: pool)
      if let error = UnfitRoleError(standing) { throw error }
      try await pepperService(pool).introduce()
      if standing.loginIsUnbound {
        logger.warning(
          "the database login bypasses row-level security: use a separate login for the server",
          metadata: ["login": .string(standing.login), "role": .string(standing.role)])
      }
      if database.preparedStatements, try await pool.withConnection({ try await $0.isPooled() }) {
        logger.warning(
          """
          there is a pooler in front of PostgreSQL: unless it supports prepared statements, set \
          KEYMETER_PREPARED_STATEMENTS=off, or requests will get 503
          """)
      }
    } catch StoreError.unavailable(let reason) {
      logger.warning("the database is unavailable", metadata: ["reason": .string(reason)])
    } catch let error as PostgresError where error.isUnavailable {
      logger.warning(
        "the database is unavailable", metadata: ["reason": .string(error.description)])
    }
  }

  private func pepperService(_ pool: ConnectionPool) -> PepperService {
    PepperService(store: PostgresPepperStore(pool: pool), peppers: peppers)
  }

  /// A login without access to the ledger has an unsafe role, and that error says more.
  private func schemaState(_ pool: ConnectionPool) async throws -> SchemaState {
    do {
      return try await Migrator(pool: pool).state()
    } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
      throw UnfitRoleError(try await ServerRoleCheck.current(on: pool)) ?? error
    }
  }

  private func serve(
    _ pools: Pools, _ batcher: AdmissionBatcher, _ tls: TLSIdentity?, _ metrics: ServerMetrics,
    onListening: @escaping @Sendable (Int) async -> Void
  ) async throws {
    let pool = pools.general
    let rehasher = SecretRehasher(store: PostgresPepperStore(pool: pool), peppers: peppers)
    let drain = Drain(lasting: listen.drain, logger: logger)
    let readiness = ReadinessCheck(
      probing: DatabaseReadiness(pool: pools.readiness).state, found: metrics.isReady)
    let responder = responder(
      pools, batcher, rehasher, metrics,
      readiness: { drain.hasBegun ? .notReady(reason: "draining") : await readiness.check() })
    let application = application(responder, tls, metrics, drain, onListening: onListening)
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: PoolMaintenance(pool: pool)), .init(service: PoolMaintenance(pool: pools.admission)),
        .init(service: PoolMaintenance(pool: pools.analytics)),
        .init(service: PoolMaintenance(pool: pools.readiness)), .init(service: readiness),
        .init(
          service: JobService(
            jobs: Job.usage(UsageMaintenance(pool: pool), metrics.jobs), metrics: metrics.jobs, logger: logger
          )),
        .init(
          service: PepperJobs(
            peppers: pepperService(pool), rehasher: rehasher, isRotating: peppers.ids.count > 1,
            metrics: metrics.jobs, logger: logger)),
        .init(service: application),
      ] + (tls.map { [.init(service: $0)] } ?? [])
        // Services are stopped from last to first: while this one drains, all others keep running.
        + [.init(service: drain)],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = listen.drain + Self.longestShutdown
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch let error as IOError {
      // The only sockets that the service group itself opens are the listening ones.
      throw ListenError(host: listen.host, port: listen.port, reason: error)
    }
  }

  private func responder(
    _ pools: Pools, _ batcher: AdmissionBatcher, _ rehasher: SecretRehasher, _ metrics: ServerMetrics,
    readiness: @escaping @Sendable () async -> Readiness
  ) -> KeymeterResponder {
    let store = PostgresTenantStore(pool: pools.general, analyticsPool: pools.analytics)
    let noteUse: @Sendable (KeySecret) -> Void = { rehasher.noteUse(of: $0) }
    let watch = authentication.limiter(metrics.authentication)
    metrics.watch(watch)
    return KeymeterRouter(
      keys: KeyService(store: store, peppers: peppers),
      usage: UsageService(admission: batcher, store: store, peppers: peppers),
      leaks: leakReporter.map { LeakService(store: store, peppers: peppers, reporter: $0) }, limiter: watch,
      metrics: metrics.service,
      rehash: peppers.ids.count > 1 ? noteUse : nil, readiness: readiness
    ).responder()
  }

  private func application(
    _ responder: KeymeterResponder, _ tls: TLSIdentity?, _ metrics: ServerMetrics, _ drain: Drain,
    onListening: @escaping @Sendable (Int) async -> Void
  ) -> some ApplicationProtocol {
    let limits = affordableLimits()
    let connections = ConnectionCount(limit: limits.connections)
    metrics.watch(connections)
    let writeBuffers = WriteBufferLimit(logger: logger)
    return Application(
      responder: responder,
      server: HTTPServerBuilder { application in
        ServerChannel(
          responder: responder, application: application,
          limits: limits, connections: connections, metrics: metrics.connections, tls: tls, drain: drain,
          writeBuffers: writeBuffers)
      },
      configuration: .init(address: .hostname(listen.host, port: listen.port), serverName: nil),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: logger)
  }

  /// The configured limits, reduced if the limit on open files requires it.
  private func affordableLimits() -> ConnectionLimits {
    var limits = listen.limits
    limits.connections = FileDescriptorLimit.makeRoom(
      for: limits, databaseConnections: database.connectionsOfOneNode, logger: logger)
    return limits
  }
}

/// The database connection pools, by purpose.
private struct Pools: Sendable {
  let general: ConnectionPool
  let admission: ConnectionPool
  let analytics: ConnectionPool
  let readiness: ConnectionPool
}

/// Runs the pool's maintenance while the server runs.
private struct PoolMaintenance: Service {
  let pool: ConnectionPool

  func run() async throws {
    await cancelWhenGracefulShutdown { await pool.run() }
  }
}

/// The server can't listen on its address.
package struct ListenError: Error, CustomStringConvertible {
  let host: String
  let port: Int
  let reason: IOError

  package var description: String { "can't listen on \(host) port \(port): \(reason)" }
}

/// The database's schema doesn't match this binary.
package struct SchemaNotUsable: Error, CustomStringConvertible {
  private let state: SchemaState

  package init(state: SchemaState) { self.state = state }

  package var description: String {
    if !state.changed.isEmpty { return ChangedMigrationError(names: state.changed).description }
    let names = state.pending + state.outdatedFunctions
    return "the database's schema is behind (\(names.joined(separator: ", "))): run `keymeter migrate` first"
  }
}

/// The version of this source tree.
package enum KeymeterVersion {
  package static let current = "0.1.0"
}
