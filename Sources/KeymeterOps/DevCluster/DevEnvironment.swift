package import KeymeterDomain
import KeymeterRepository
package import KeymeterServer
package import Logging
import Postgres
import Synchronization
import SystemPackage
import UnixSignals

/// One run of `keymeter dev`: starts the cluster, migrates, creates the demo organisation, serves and stops
/// everything again.
package struct DevEnvironment: Sendable {
  private let directory: DevDirectory
  private let listen: ListenSettings
  private let peppers: (setting: String, set: PepperSet)
  private let authentication: AuthFailureSettings
  private let leakReporter: ReporterKeys?
  private let logger: Logger

  /// - Parameter peppers: the value of `KEYMETER_PEPPERS` for other commands, and the peppers in it.
  package init(
    directory: DevDirectory, listen: ListenSettings, peppers: (setting: String, set: PepperSet),
    authentication: AuthFailureSettings, leakReporter: ReporterKeys?, logger: Logger
  ) {
    self.directory = directory
    self.listen = listen
    self.peppers = peppers
    self.authentication = authentication
    self.leakReporter = leakReporter
    self.logger = logger
  }

  private static let owner = DatabaseRole.owner.rawValue
  private static let app = DatabaseRole.app.rawValue
  private static let reporting = DatabaseRole.reporting.rawValue
  private static let database = "keymeter"

  package func run() async throws {
    let cluster = PostgresCluster(
      directory: directory.path, binaries: try PostgresBinaries.find(),
      options: .init(roles: [Self.owner]))
    // From here on, Ctrl-C must stop the cluster too.
    let interruption = await Interruption.watching()
    StandardStream.output.write(line: "Starting PostgreSQL in \(directory.path) …")
    try await cluster.start()
    if cluster.location != directory.path {
      StandardStream.output.write(
        line: "PostgreSQL's user can't enter \(directory.path), so its files are in \(cluster.location).")
    }
    let result: Result<Void, any Error>
    do {
      try await serve(cluster, unless: interruption)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    StandardStream.output.write(line: "Stopping PostgreSQL …")
    try await cluster.stop()
    try result.get()
  }

  private func serve(_ cluster: PostgresCluster, unless interruption: Interruption) async throws {
    try await createDatabase(cluster)
    let database = DatabaseSettings(url: cluster.connectionURL(database: Self.database, role: Self.owner))
    try writeSettings(database)
    let demo = try await prepare(database, peppers: peppers.set)
    guard !interruption.handOver() else { return }
    let server = KeymeterServer(
      database: database, listen: listen, peppers: peppers.set, leakReporter: leakReporter,
      authentication: authentication, logger: logger)
    let greeting = DevGreeting(
      scheme: listen.scheme, host: listen.host, environmentFile: directory.environmentFile, demo: demo)
    try await server.run { port in greeting.print(port: port) }
  }

  /// Creates the roles and the database if they are missing.
  ///
  /// The owner role logs in, because it migrates. The server uses the same login and switches to
  /// keymeter_app.
  private func createDatabase(_ cluster: PostgresCluster) async throws {
    let superuser = ConnectionPool(
      configuration: try ConnectionConfiguration(url: cluster.connectionURL(database: "postgres")),
      options: .init(maximumConnections: 1), logger: logger)
    do {
      try await superuser.withConnection { connection in
        try await connection.executeScript(
          """
          DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '\(Self.owner)') THEN
              CREATE ROLE \(Self.owner) LOGIN;
            END IF;
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '\(Self.app)') THEN
              CREATE ROLE \(Self.app) NOLOGIN;
            END IF;
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '\(Self.reporting)') THEN
              CREATE ROLE \(Self.reporting) NOLOGIN;
            END IF;
            GRANT \(Self.app), \(Self.reporting) TO \(Self.owner);
          END $$
          """)
        let found = try await connection.execute(Self.databaseExists, [.text(Self.database)])
        if found.rows.isEmpty {
          try await connection.executeScript("CREATE DATABASE \(Self.database) OWNER \(Self.owner)")
        }
      }
    } catch {
      await superuser.close()
      throw error
    }
    await superuser.close()
  }

  private static let databaseExists = Statement(
    "dev_database_exists", "SELECT 1 AS found FROM pg_catalog.pg_database WHERE datname = $1")

  private func writeSettings(_ database: DatabaseSettings) throws {
    try directory.writeEnvironment([
      (name: "DATABASE_URL", value: database.url),
      (name: "KEYMETER_PEPPERS", value: peppers.setting),
      (name: "KEYMETER_HOST", value: listen.host),
      (name: "KEYMETER_PORT", value: String(listen.port)),
    ])
  }

  /// Migrates, and creates the demo organisation in an empty database.
  ///
  /// - Returns: The demo organisation with its root key, if it was created by this run.
  private func prepare(_ database: DatabaseSettings, peppers: PepperSet) async throws -> DemoOrganisation? {
    let pool = ConnectionPool(
      configuration: try database.configuration(statementTimeout: .seconds(3_600)),
      options: .init(maximumConnections: 1), logger: logger)
    let result: Result<DemoOrganisation?, any Error>
    do {
      _ = try await Migrator(pool: pool).migrate()
      try await PepperService(store: PostgresPepperStore(pool: pool), peppers: peppers).introduce()
      let organisations = OrganisationService(store: PostgresTenantStore(pool: pool), peppers: peppers)
      result = .success(try await DemoOrganisation.createIfNone(organisations))
    } catch {
      result = .failure(error)
    }
    await pool.close()
    return try result.get()
  }
}

/// The organisation for first steps.
struct DemoOrganisation: Sendable {
  let provider: ProviderID
  let rootKey: KeySecret

  static func createIfNone(_ organisations: OrganisationService) async throws -> DemoOrganisation? {
    guard try await organisations.list().isEmpty else { return nil }
    let provider = try ProviderID(validating: "demo")
    let name = try Label(validating: "Demo organisation", field: "name")
    let (_, rootKey) = try await organisations.create(provider: provider, name: name)
    return DemoOrganisation(provider: provider, rootKey: rootKey.secret)
  }
}

/// Records SIGINT and SIGTERM while `keymeter dev` starts, so that it can then stop the cluster.
private final class Interruption: Sendable {
  private let isRaised = Mutex(false)
  private let watch = Mutex<Task<Void, Never>?>(nil)

  static func watching() async -> Interruption {
    let interruption = Interruption()
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let task = Task { [weak interruption] in
      for await _ in signals { interruption?.isRaised.withLock { $0 = true } }
    }
    interruption.watch.withLock { $0 = task }
    return interruption
  }

  /// Stops recording, because the server handles the signals from now on.
  ///
  /// - Returns: true if a signal has arrived.
  func handOver() -> Bool {
    watch.withLock { $0?.cancel() }
    return isRaised.withLock { $0 }
  }
}
