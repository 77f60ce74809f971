import Hummingbird
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
  /// After this a connection on which nothing happens is closed.
  private static let idleTimeout = TimeAmount.seconds(75)

  /// Serves until SIGTERM or SIGINT, then ends what is under way, and returns.
  ///
  /// - Parameter onListening: is told the port once connections are accepted.
  func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
    let pool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: Self.statementTimeout),
      options: .init(maximumConnections: database.maximumConnections), logger: logger)
    let result: Result<Void, any Error>
    do {
      try await refuseOutdatedSchema(pool)
      try await serve(pool, onListening: onListening)
      result = .success(())
    } catch {
      result = .failure(error)
    }
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
    _ pool: ConnectionPool, onListening: @escaping @Sendable (Int) async -> Void
  ) async throws {
    let keys = KeyService(store: PostgresManagementStore(pool: pool), peppers: peppers)
    let readiness = DatabaseReadiness(migrator: Migrator(pool: pool))
    let application = Application(
      responder: KeymeterRouter(keys: keys, readiness: readiness.check).responder(),
      server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
      configuration: .init(address: .hostname(listen.host, port: listen.port), serverName: nil),
      onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
      logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [.init(service: PoolMaintenance(pool: pool)), .init(service: application)],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = Self.longestShutdown
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch let error as IOError {
      // The only sockets that the group itself opens are the ones it listens on.
      throw CommandError("can't listen on \(listen.host) port \(listen.port): \(error)")
    }
  }
}

/// Keeps the pool's idle connections healthy while the server runs.
private struct PoolMaintenance: Service {
  let pool: ConnectionPool

  func run() async throws {
    await cancelWhenGracefulShutdown { await pool.run() }
  }
}
