import KeymeterRepository

/// Whether usage by day has partitions for this month and those to come, and who is in the way of making or dropping them.
struct PartitionsCheck: DatabaseCheck {
  let name = "partitions"
  let needsSchema = true

  private static let advice =
    "A running server makes them every ten minutes: look into its log, or run `keymeter migrate`"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let (months, currentIsMissing) = try await database.inspection.monthsWithoutPartition()
    let obstacles = try await database.inspection.partitionObstacles()
    guard !months.isEmpty else { return whole(obstacles.filter(\.isWaitedFor)) }
    let found =
      "usage_daily has none for \(months.joined(separator: ", "))"
      + (currentIsMissing ? "; this month's usage goes to the default one" : "")
    guard !obstacles.isEmpty else { return .warn(found, advice: Self.advice) }
    return .warn(
      "\(found); in the way: \(Self.words(of: obstacles))", advice: "\(Self.end(obstacles)). \(Self.advice)")
  }

  /// Nobody is in the way of what isn't to be made; what is to be dropped has somebody waiting for it.
  private func whole(_ obstacles: [PartitionObstacle]) -> CheckResult {
    let found = "usage_daily has this month's and \(UsageMaintenance.monthsAhead) further ones"
    guard !obstacles.isEmpty else { return .ok(found) }
    return .warn(
      "\(found); whoever would change them waits for \(Self.words(of: obstacles))",
      advice: Self.end(obstacles))
  }

  private static func words(of obstacles: [PartitionObstacle]) -> String {
    obstacles.map { obstacle in
      let since = obstacle.since.map { "since \($0)" } ?? "since when a member of pg_read_all_stats is told"
      // In quotation marks: the name of a login may be written like the rest of this line.
      let login = obstacle.login.map { $0.quoted(by: "\"") } ?? "PostgreSQL itself"
      return "\(name(of: obstacle)) (\(login), \(since))"
    }.joined(separator: ", ")
  }

  private static func name(of obstacle: PartitionObstacle) -> String {
    if let pid = obstacle.pid { return "pid \(pid)" }
    return "the prepared transaction" + (obstacle.gid.map { " \($0.quoted(by: "'"))" } ?? "")
  }

  private static func end(_ obstacles: [PartitionObstacle]) -> String {
    "Have these transactions ended, or end them: " + obstacles.map(command).joined(separator: "; ")
  }

  private static func command(toEnd obstacle: PartitionObstacle) -> String {
    if let pid = obstacle.pid { return "SELECT pg_terminate_backend(\(pid))" }
    let gid = obstacle.gid.map { $0.quoted(by: "'") } ?? "…"
    return "ROLLBACK PREPARED \(gid) or COMMIT PREPARED \(gid), as it was meant, in this database"
  }
}
