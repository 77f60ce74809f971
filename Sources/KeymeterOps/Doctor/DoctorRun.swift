import KeymeterDomain
import KeymeterRepository
import KeymeterServer
import Logging
import Postgres

/// One run of `keymeter doctor`: all checks, one after the other, each with a time limit.
///
/// It changes nothing.
package struct DoctorRun: Sendable {
  private let settings: NodeSettings
  private let report: @Sendable (Finding) -> Void

  /// - Parameter report: called with each finding at once.
  package init(settings: NodeSettings, report: @escaping @Sendable (Finding) -> Void) {
    self.settings = settings
    self.report = report
  }

  package func run() async -> DoctorReport {
    var findings = LocalCheck.all.map { finding($0.name, $0.judge(settings)) }
    findings += await checkDatabase()
    return DoctorReport(findings: findings)
  }

  private func checkDatabase() async -> [Finding] {
    let others = ["pooler"] + DatabaseCheck.all.map(\.name)
    guard let database = settings.database, let configuration = try? database.forDoctor(as: .app),
      let asLogin = try? database.forDoctor(as: nil)
    else { return (["hosts", "connection"] + others).map { finding($0, .skip("see settings")) } }
    var findings = [finding("hosts", await HostsCheck(configuration: asLogin).result())]
    let pool = ConnectionPool(
      configuration: configuration,
      options: .init(maximumConnections: 2, waitLimit: .seconds(5), closeLimit: .seconds(1)), logger: .silent)
    let connection = await ConnectionCheck(pool: pool).result()
    findings.append(finding("connection", connection))
    if connection.level == .ok {
      findings += await check(pool, database, asLogin)
    } else {
      findings += others.map { finding($0, .skip("see connection")) }
    }
    // A connection that hangs in libpq ends with the process.
    try? await withTimeout(.seconds(2)) { await pool.close() }
    return findings
  }

  private func check(
    _ pool: ConnectionPool, _ settings: DatabaseSettings, _ configuration: ConnectionConfiguration
  ) async -> [Finding] {
    let pooler = PoolerCheck(
      configuration: configuration, usesPreparedStatements: settings.preparedStatements)
    let (result, isPooled) = await pooler.result()
    var findings = [finding("pooler", result)]
    guard let isPooled else {
      return findings + DatabaseCheck.all.map { finding($0.name, .skip("see pooler")) }
    }
    let database = DoctorDatabase(
      pool: pool, settings: settings, peppers: self.settings.peppers, isPooled: isPooled, drift: SchemaDrift()
    )
    var isConnected = true
    var hasSchema = true
    for check in DatabaseCheck.all {
      var result = CheckResult.skip("the database has stopped answering")
      if isConnected, check.needsSchema, !hasSchema {
        result = .skip("see migrations")
      } else if isConnected {
        (result, isConnected) = await judge(check, database)
      }
      findings.append(finding(check.name, result))
      if check.name == DatabaseCheck.migrations.name { hasSchema = result.level == .ok }
    }
    return findings
  }

  /// - Returns: the result, and false if the database has stopped answering.
  private func judge(
    _ check: DatabaseCheck, _ database: DoctorDatabase
  ) async -> (result: CheckResult, isConnected: Bool) {
    do {
      return (try await withTimeout(.seconds(15)) { try await check.judge(database) }, true)
    } catch let error as SkippedCheck {
      return (.skip(error.reason), true)
    } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
      return (.skip("the login may not read this: see role"), true)
    } catch let error as PostgresError where error.endedByTimeout {
      return (
        .fail(
          "unknown: \(Self.text(of: error))",
          "While doctor runs, find the session that holds a lock in pg_stat_activity and pg_locks"), true
      )
    } catch {
      return (.fail("unknown: \(Self.text(of: error))", "See PostgreSQL's log"), !Self.isLoss(error))
    }
  }

  /// True if all further statements would fail too.
  private static func isLoss(_ error: any Error) -> Bool {
    if case StoreError.unavailable = error { return true }
    return error is TimeoutError || (error as? PostgresError)?.isUnavailable == true
  }

  /// Includes the server's message: the operator has the database's credentials.
  static func text(of error: any Error) -> String {
    guard let error = error as? PostgresError else { return String(describing: error) }
    return (error.message ?? error.description).oneLine
  }

  private func finding(_ name: String, _ result: CheckResult) -> Finding {
    let finding = Finding(name: name, result: result)
    report(finding)
    return finding
  }
}

extension PostgresError {
  /// The server cancelled the statement, as it does if a lock is not released in time.
  fileprivate var endedByTimeout: Bool {
    kind == .server && [.queryCanceled, .lockNotAvailable].contains(sqlState)
  }
}

extension DatabaseSettings {
  static let doctorConnectTimeout = Duration.seconds(3)

  /// Like the server's connections, but usable through any pooler.
  ///
  /// - Parameter role: the role to switch to if the login may, nil to keep the login's own.
  fileprivate func forDoctor(as role: DatabaseRole?) throws(PostgresError) -> ConnectionConfiguration {
    try ConnectionConfiguration(
      url: url, applicationName: "keymeter doctor", connectTimeout: Self.doctorConnectTimeout,
      statementTimeout: .seconds(5), searchPath: DatabaseRole.searchPath, preparedStatements: false,
      role: role?.rawValue)
  }
}

extension Logger {
  /// Writes nothing: doctor reports the errors itself.
  static let silent = Logger(label: "keymeter") { _ in SwiftLogNoOpLogHandler() }
}
