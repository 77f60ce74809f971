import Hummingbird
import HummingbirdCore
import KeymeterDomain
import KeymeterHandlers
import KeymeterRepository
import Logging
import NIOCore
import Postgres
import ServiceLifecycle
import UnixSignals

/// The server: a pool, the domain over it, the routes over that, and an orderly end.
struct KeymeterServer: Sendable {
  let database: DatabaseSettings
  let listen: ListenSettings
  let peppers: PepperSet
  /// By which keys GitHub signs its reports of leaked keys; without them none is taken.
  var leakReporter: ReporterKeys?
  let authentication: AuthFailureSettings
  let logger: Logger

  /// How long one statement of a request may take.
  private static let statementTimeout = Duration.seconds(5)
  /// How long requests that are under way may take to end, once the server is told to stop.
  private static let longestShutdown = Duration.seconds(20)

  /// How long one batch of admissions may take; a request waits for two of them at most.
  private static let admissionTimeout = Duration.seconds(3)
  /// How long one statement may take by which the node finds out whether it is ready.
  private static let readinessTimeout = Duration.seconds(1)

  /// Serves until SIGTERM or SIGINT, drains, ends what is under way, and returns.
  ///
  /// - Parameter onListening: is told the port once connections are accepted.
  func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
    let tls = try listen.tls.map { settings throws(SettingError) in
      try TLSIdentity(settings, logger: logger)
    }
    let pool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.statementTimeout, role: .app),
      options: .init(maximumConnections: database.maximumConnections), logger: logger)
    // Apart from the others, so that no listing of keys can hold up an admission.
    let admissionPool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.admissionTimeout, role: .app),
      options: .init(maximumConnections: database.admissionWorkers), logger: logger)
    // Of its own, so that a node that has much to do isn't taken for one that can do nothing.
    let readinessPool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.readinessTimeout, role: .app),
      options: .init(maximumConnections: 1), logger: logger)
    let metrics = ServerMetrics()
    let admission = AdmissionBatcher.Options(workers: database.admissionWorkers)
    let batcher = AdmissionBatcher(pool: admissionPool, options: admission, observer: metrics.batches)
    metrics.watch(pool, name: "general", limit: database.maximumConnections)
    metrics.watch(admissionPool, name: "admission", limit: database.admissionWorkers)
    metrics.watch(readinessPool, name: "readiness", limit: 1)
    metrics.watch(batcher, admission)
    let pools = Pools(general: pool, admission: admissionPool, readiness: readinessPool)
    let result: Result<Void, any Error>
    do {
      try await refuseUnfitDatabase(pool)
      try await serve(pools, batcher, tls, metrics, onListening: onListening)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    // Every request has been answered by now; this is for those whose connection broke.
    await batcher.drain()
    await admissionPool.close()
    await readinessPool.close()
    await pool.close()
    try result.get()
  }

  /// A schema that is behind can't be served, nor any by a role that stands above the rules which keep tenants apart,
  /// nor keys by other peppers than theirs.
  ///
  /// A database that can't be reached can come back: the server starts, and is not ready until then.
  private func refuseUnfitDatabase(_ pool: ConnectionPool) async throws {
    do {
      let state = try await schemaState(pool)
      guard state.isUsable else { throw SchemaNotUsable(state: state) }
      let standing = try await ServerRoleCheck.current(on: pool)
      if let error = UnfitRoleError(standing) { throw error }
      try await pepperService(pool).introduce()
      if standing.loginIsUnbound {
        logger.warning(
          "row-level security doesn't bind the database login: give the server one of its own",
          metadata: ["login": .string(standing.login), "role": .string(standing.role)])
      }
      if database.preparedStatements, try await pool.withConnection({ try await $0.isPooled() }) {
        logger.warning(
          """
          a pooler stands before PostgreSQL: unless it keeps prepared statements, set KEYMETER_PREPARED_STATEMENTS=off, \
          or requests will be answered 503
          """)
      }
    } catch StoreError.unavailable(let reason) {
      logger.warning("the database can't be reached yet", metadata: ["reason": .string(reason)])
    } catch let error as PostgresError where error.isUnavailable {
      logger.warning(
        "the database can't be reached yet", metadata: ["reason": .string(error.description)])
    }
  }

  private func pepperService(_ pool: ConnectionPool) -> PepperService {
    PepperService(store: PostgresPepperStore(pool: pool), peppers: peppers)
  }

  /// Who may not even ask has an unfit role, which says more than the refusal.
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
    let renewer = SecretRehasher(store: PostgresPepperStore(pool: pool))
    let peppers = peppers.renewing(by: renewer)
    let store = PostgresManagementStore(pool: pool)
    let metering = PostgresMeteringStore(pool: pool)
    let watch = authentication.watch(metrics.authentication)
    metrics.watch(watch)
    let drain = Drain(lasting: listen.drain, logger: logger)
    let readiness = ReadinessCheck(
      asking: DatabaseReadiness(pool: pools.readiness).state, found: metrics.isReady)
    let router = KeymeterRouter(
      keys: KeyService(store: store, peppers: peppers),
      meter: MeteringService(admission: batcher, store: metering, peppers: peppers),
      audit: AuditService(store: metering, peppers: peppers),
      leaks: leakReporter.map { LeakService(store: store, peppers: peppers, reporter: $0) }, watch: watch,
      metrics: metrics.service,
      readiness: { drain.hasBegun ? .notReady(reason: "draining") : await readiness.check() })
    let responder = router.responder()
    let limits = roomyLimits()
    let connections = ConnectionCount(limit: limits.connections)
    metrics.watch(connections)
    let backlog = WriteBufferLimit(logger: logger)
    let application = Application(
      responder: responder,
      server: HTTPServerBuilder { application in
        ServerChannel(
          responder: responder, application: application,
          limits: limits, connections: connections, metrics: metrics.connections, tls: tls, drain: drain,
          backlog: backlog)
      },
      configuration: .init(address: .hostname(listen.host, port: listen.port), serverName: nil),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: PoolMaintenance(pool: pool)), .init(service: PoolMaintenance(pool: pools.admission)),
        .init(service: PoolMaintenance(pool: pools.readiness)), .init(service: readiness),
        .init(
          service: UsageJobs(
            maintenance: UsageMaintenance(pool: pool), metrics: metrics.jobs, logger: logger)),
        .init(
          service: PepperJobs(
            peppers: pepperService(pool), renewer: renewer, isRotating: peppers.ids.count > 1,
            metrics: metrics.jobs, logger: logger)),
        .init(service: application),
      ] + (tls.map { [.init(service: $0)] } ?? [])
        // Services are told to stop from the last to the first: while this one drains, all others go on.
        + [.init(service: drain)],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = listen.drain + Self.longestShutdown
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch let error as IOError {
      // The only sockets that the group itself opens are the ones it listens on.
      throw CommandError("can't listen on \(listen.host) port \(listen.port): \(error)")
    }
  }

  /// The limits as they were set, or as far as the system's limit on open files allows.
  private func roomyLimits() -> ConnectionLimits {
    var limits = listen.limits
    limits.connections = FileDescriptorLimit.makeRoom(
      for: limits, databaseConnections: database.connectionsOfOneNode, logger: logger)
    return limits
  }
}

/// The connections to the database, by what they are for.
private struct Pools: Sendable {
  let general: ConnectionPool
  let admission: ConnectionPool
  let readiness: ConnectionPool
}

/// Keeps the pool's idle connections healthy while the server runs.
private struct PoolMaintenance: Service {
  let pool: ConnectionPool

  func run() async throws {
    await cancelWhenGracefulShutdown { await pool.run() }
  }
}
