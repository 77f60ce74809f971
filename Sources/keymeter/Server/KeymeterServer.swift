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
  let logger: Logger

  /// How long one statement of a request may take.
  private static let statementTimeout = Duration.seconds(5)
  /// How long requests that are under way may take to end, once the server is told to stop.
  private static let longestShutdown = Duration.seconds(20)
  /// How long one batch of admissions may take; a request waits for two of them at most.
  private static let admissionTimeout = Duration.seconds(3)

  /// Serves until SIGTERM or SIGINT, then ends what is under way, and returns.
  ///
  /// - Parameter onListening: is told the port once connections are accepted.
  func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
    let tls = try listen.tls.map { settings throws(SettingError) in
      try TLSIdentity(settings, logger: logger)
    }
    let pool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.statementTimeout),
      options: .init(maximumConnections: database.maximumConnections), logger: logger)
    // Apart from the others, so that no listing of keys can hold up an admission.
    let admissionPool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.admissionTimeout),
      options: .init(maximumConnections: database.admissionLanes), logger: logger)
    let batcher = AdmissionBatcher(pool: admissionPool, options: .init(lanes: database.admissionLanes))
    let result: Result<Void, any Error>
    do {
      try await refuseOutdatedSchema(pool)
      try await serve(pool, admissionPool, batcher, tls, onListening: onListening)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    // Every request has been answered by now; this is for those whose connection broke.
    await batcher.drain()
    await admissionPool.close()
    await pool.close()
    try result.get()
  }

  /// A schema that is behind can't be served.
  ///
  /// A database that can't be reached can come back: the server starts, and is not ready until then.
  private func refuseOutdatedSchema(_ pool: ConnectionPool) async throws {
    do {
      let state = try await Migrator(pool: pool).state()
      guard state.isUsable else { throw SchemaNotUsable(state: state) }
    } catch let error as PostgresError where error.isUnavailable {
      logger.warning(
        "the database can't be reached yet", metadata: ["reason": .string(error.description)])
    }
  }

  private func serve(
    _ pool: ConnectionPool, _ admissionPool: ConnectionPool, _ batcher: AdmissionBatcher,
    _ tls: TLSIdentity?, onListening: @escaping @Sendable (Int) async -> Void
  ) async throws {
    let router = KeymeterRouter(
      keys: KeyService(store: PostgresManagementStore(pool: pool), peppers: peppers),
      meter: MeteringService(
        admission: batcher, store: PostgresMeteringStore(pool: pool), peppers: peppers),
      audit: AuditService(store: PostgresMeteringStore(pool: pool), peppers: peppers),
      readiness: DatabaseReadiness(migrator: Migrator(pool: pool)).check)
    let responder = router.responder()
    let limits = roomyLimits()
    let application = Application(
      responder: responder,
      server: HTTPServerBuilder { application in
        EventLoopChannel(
          responder: responder, application: application,
          limits: limits, tls: tls)
      },
      configuration: .init(address: .hostname(listen.host, port: listen.port), serverName: nil),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: PoolMaintenance(pool: pool)), .init(service: PoolMaintenance(pool: admissionPool)),
        .init(service: UsageChores(maintenance: UsageMaintenance(pool: pool), logger: logger)),
        .init(service: application),
      ] + (tls.map { [.init(service: $0)] } ?? []),
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = Self.longestShutdown
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
      for: limits.connections,
      databaseConnections: database.maximumConnections + database.admissionLanes, logger: logger)
    return limits
  }
}

/// Keeps the pool's idle connections healthy while the server runs.
private struct PoolMaintenance: Service {
  let pool: ConnectionPool

  func run() async throws {
    await cancelWhenGracefulShutdown { await pool.run() }
  }
}
