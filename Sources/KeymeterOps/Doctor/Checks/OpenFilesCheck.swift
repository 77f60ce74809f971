import KeymeterServer

/// Whether the limit on open files leaves room for as many connections as are asked for.
struct OpenFilesCheck: Sendable {
  let settings: NodeSettings

  var verdict: CheckResult {
    guard let limits = settings.limits, let database = settings.database else {
      return .skip("how many connections can't be told: see \(DoctorRun.settingsName)")
    }
    guard let files = FileDescriptorLimit.highest else { return .skip("this system doesn't tell its limit") }
    let room = FileDescriptorLimit.room(
      for: limits.connections, within: files, databaseConnections: database.connectionsOfOneNode)
    let found = "up to \(files) files (ulimit -Hn, where doctor runs), room for \(room) connections"
    guard room < limits.connections, limits.connectionsAreNamed else { return .ok(found) }
    return .warn(
      "\(found) of the \(limits.connections) of \(ConnectionLimits.connectionsName)",
      advice: "Raise it (systemd: LimitNOFILE, Docker: ulimits), or lower the setting")
  }
}
