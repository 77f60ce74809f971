import KeymeterDomain
import KeymeterRepository
import KeymeterServer
import Logging
import Postgres

/// One run of `keymeter doctor`: every check in turn, each of them bounded, none of which changes anything.
package struct DoctorRun: Sendable {
  static let settingsName = "settings"

  private let settings: NodeSettings
  /// Is told each finding at once.
  private let tell: @Sendable (Finding) -> Void

  package init(settings: NodeSettings, tell: @escaping @Sendable (Finding) -> Void) {
    self.settings = settings
    self.tell = tell
  }

  /// Of the database, in the order in which they are reported.
  static let databaseChecks: [any DatabaseCheck] =
    [VersionCheck(), RoleCheck(), MigrationsCheck(), FunctionsCheck(), KeyFactsCheck(), AuditLogCheck()]
    + [PartitionsCheck()] as [any DatabaseCheck]
    // Behind the one that says who is in the way where somebody waits for a table: policies can't be read meanwhile.
    + [RowSecurityCheck()] as [any DatabaseCheck]
    + [PeppersCheck(), GuardedKeysCheck(), ClockCheck()] as [any DatabaseCheck]
    + ServerSettingCheck.all as [any DatabaseCheck]
    + [SynchronousCommitCheck(), StandbyCheck(), StatementTimeoutCheck(), IdleTransactionCheck()]
    as [any DatabaseCheck]
    + [ConnectionSlotsCheck(), MemoryCheck()] as [any DatabaseCheck]

  private static let hosts = "hosts"
  private static let connection = "connection"
  private static let pooler = "pooler"

  package func run() async -> DoctorReport {
    var findings = [
      told(Self.settingsName, SettingsCheck(settings: settings).verdict),
      told("tls", TLSCheck(settings: settings).verdict),
      told("open-files", OpenFilesCheck(settings: settings).verdict),
      told("core-dumps", CoreDumpsCheck().verdict),
    ]
    findings += await examineDatabase()
    return DoctorReport(findings: findings)
  }

  private func examineDatabase() async -> [Finding] {
    let names = [Self.hosts, Self.connection, Self.pooler] + Self.databaseChecks.map(\.name)
    guard let database = settings.database, let configuration = try? database.inspecting(as: .app),
      let asLogin = try? database.inspecting(as: nil)
    else {
      return names.map { told($0, .skip("which database can't be told: see \(Self.settingsName)")) }
    }
    var findings = [told(Self.hosts, await HostsCheck(configuration: asLogin).verdict())]
    let pool = ConnectionPool(
      configuration: configuration,
      options: .init(maximumConnections: 2, waitLimit: .seconds(5), closeLimit: .seconds(1)), logger: .silent)
    let (verdict, isConnected) = await ConnectionCheck(pool: pool).verdict()
    findings.append(told(Self.connection, verdict))
    if isConnected {
      findings += await examine(pool, database, asLogin)
    } else {
      findings += names.dropFirst(2).map { told($0, .skip("there is no connection")) }
    }
    // What hangs in libpq is left to the end of the process.
    try? await Bounded.run(.seconds(2)) { await pool.close() }
    return findings
  }

  private func examine(
    _ pool: ConnectionPool, _ settings: DatabaseSettings, _ configuration: ConnectionConfiguration
  ) async -> [Finding] {
    let (verdict, pooling) = await PoolerCheck(configuration: configuration, settings: settings).verdict()
    var findings = [told(Self.pooler, verdict)]
    guard let pooling, pooling != .statement else {
      return findings
        + Self.databaseChecks.map { told($0.name, .skip("there are no transactions: see \(Self.pooler)")) }
    }
    let database = ExaminedDatabase(
      pool: pool, settings: settings, peppers: self.settings.peppers, pooling: pooling)
    var obstacle: String?
    var schemaFits = true
    for check in Self.databaseChecks {
      if let obstacle {
        findings.append(told(check.name, .skip(obstacle)))
      } else if check.needsSchema, !schemaFits {
        findings.append(
          told(check.name, .skip("the schema is not as it must be: see \(MigrationsCheck.name)")))
      } else {
        let (verdict, isLost) = await judge(check, database)
        findings.append(told(check.name, verdict))
        if isLost { obstacle = "the database answers no more" }
        if check is MigrationsCheck { schemaFits = verdict.level == .ok || verdict.level == .warn }
      }
    }
    return findings
  }

  /// - Returns: the verdict, and whether the database has ceased to answer.
  private func judge(
    _ check: any DatabaseCheck, _ database: ExaminedDatabase
  ) async -> (verdict: CheckResult, isLost: Bool) {
    do {
      return (try await Bounded.run(check.limit) { try await check.judge(database) }, false)
    } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
      return (.skip("the login may not look: see \(RoleCheck.name)"), false)
    } catch let error as PostgresError where Self.isHeldUp(error) {
      return (
        .fail("it can't be told: \(Self.words(of: error))", advice: Self.waiting), Self.isLoss(error)
      )
    } catch {
      return (
        .fail("it can't be told: \(Self.words(of: error))", advice: "Look into PostgreSQL's log"),
        Self.isLoss(error)
      )
    }
  }

  private static let waiting =
    "See in pg_stat_activity and pg_locks who holds a lock, or waits for one, while doctor runs, then run it again"

  /// Whether a statement was ended in good order because its time was over, as one is that waits for somebody's lock.
  private static func isHeldUp(_ error: PostgresError) -> Bool {
    error.kind == .server && [.queryCanceled, .lockNotAvailable].contains(error.sqlState)
  }

  /// Whether what comes next would fail as well.
  static func isLoss(_ error: any Error) -> Bool {
    if let error = error as? PostgresError, isHeldUp(error) { return false }
    if case StoreError.unavailable = error { return true }
    return error is TooSlow || (error as? PostgresError)?.isUnavailable == true
  }

  /// Whoever is at the command line holds the database's credentials, and may read what it says.
  static func words(of error: any Error) -> String {
    guard let error = error as? PostgresError else { return String(describing: error) }
    return (error.message ?? error.description).oneLine
  }

  private func told(_ name: String, _ verdict: CheckResult) -> Finding {
    let finding = Finding(name: name, verdict: verdict)
    tell(finding)
    return finding
  }
}

extension DatabaseSettings {
  /// The longest that connecting to a host may take.
  static let inspectionConnectTimeout = Duration.seconds(3)
  /// The longest that one statement may take.
  static let inspectionStatementTimeout = Duration.seconds(5)

  /// Like the server's connections, and unharmed by a pooler that doesn't keep prepared statements.
  ///
  /// - Parameter role: what connections become where the login may; nil for the login itself.
  fileprivate func inspecting(as role: DatabaseRole?) throws(PostgresError) -> ConnectionConfiguration {
    try ConnectionConfiguration(
      url: url, applicationName: "keymeter doctor", connectTimeout: Self.inspectionConnectTimeout,
      statementTimeout: Self.inspectionStatementTimeout, searchPath: DatabaseRole.searchPath,
      preparedStatements: false, role: role?.rawValue)
  }
}

extension Logger {
  /// Writes nowhere: what a connection has to say is in its error.
  static let silent = Logger(label: "keymeter") { _ in SwiftLogNoOpLogHandler() }
}
