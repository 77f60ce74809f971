import KeymeterServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A check of the settings and the machine.
struct LocalCheck: Sendable {
  let name: String
  let judge: @Sendable (NodeSettings) -> CheckResult

  static let all = [
    LocalCheck(name: "settings", judge: settings), LocalCheck(name: "tls", judge: tls),
    LocalCheck(name: "open-files", judge: openFiles), LocalCheck(name: "core-dumps", judge: coreDumps),
  ]

  @Sendable private static func settings(_ settings: NodeSettings) -> CheckResult {
    if !settings.problems.isEmpty {
      return .fail(
        settings.problems.joined(separator: "; "), "docs/operations.md lists all settings and their values")
    }
    guard settings.unknown.isEmpty else {
      return .warn(
        "no setting has the name \(settings.unknown.joined(separator: ", "))",
        "Check the spelling: the setting that was meant has its default")
    }
    return .ok("all usable")
  }

  @Sendable private static func tls(_ settings: NodeSettings) -> CheckResult {
    guard let tls = settings.tls else { return .ok("off: connections are not encrypted") }
    let expiry: Int
    do throws(SettingError) {
      let files = try TLSFiles(tls)
      _ = try files.context()
      expiry = try files.expiry()
    } catch {
      return .fail(error.description, "The server does not start")
    }
    let seconds = expiry - time(nil)
    if seconds <= 0 { return .fail("the certificate has expired", "Renew it: clients reject it") }
    let days = seconds / 86_400
    guard days >= 14 else {
      return .warn(
        "the certificate expires in less than \(days + 1) days",
        "Renew it: the server loads the new files within seconds")
    }
    return .ok("the certificate is valid for \(days) days")
  }

  @Sendable private static func openFiles(_ settings: NodeSettings) -> CheckResult {
    guard let limits = settings.limits, let database = settings.database else { return .skip("see settings") }
    guard let files = FileDescriptorLimit.highest else { return .skip("the system has no such limit") }
    let room = FileDescriptorLimit.room(
      for: limits.connections, within: files, databaseConnections: database.connectionsOfOneNode)
    let found = "up to \(files) files (ulimit -Hn of this shell), enough for \(room) connections"
    guard room < limits.connections, limits.connectionsAreNamed else { return .ok(found) }
    return .warn(
      "\(found), but \(ConnectionLimits.connectionsName) is \(limits.connections)",
      "Raise the limit (systemd: LimitNOFILE, Docker: ulimits), or lower the setting")
  }

  @Sendable private static func coreDumps(_ settings: NodeSettings) -> CheckResult {
    #if canImport(Glibc)
      let core = __rlimit_resource_t(RLIMIT_CORE.rawValue)
    #else
      let core = RLIMIT_CORE
    #endif
    var limits = rlimit()
    guard getrlimit(core, &limits) == 0 else { return .skip("the system has no such limit") }
    guard limits.rlim_cur > 0 else { return .ok("off (ulimit -c of this shell)") }
    return .warn(
      "on: a crash would write the server's memory, including the peppers, to a file",
      "Turn them off (ulimit -c 0, systemd: LimitCORE=0, Docker: ulimits core 0)")
  }
}
