import KeymeterRepository

/// Whether usage by day has partitions for this month and those to come.
struct PartitionsCheck: DatabaseCheck {
  let name = "partitions"
  let needsSchema = true

  private static let advice =
    "A running server makes them every ten minutes: look into its log, or run `keymeter migrate`"

  func judge(_ database: ExaminedDatabase) async throws -> Verdict {
    let (months, currentIsMissing) = try await database.inspection.monthsWithoutPartition()
    guard !months.isEmpty else {
      return .ok("usage_daily has this month's and \(UsageMaintenance.monthsAhead) further ones")
    }
    let found = "usage_daily has none for \(months.joined(separator: ", "))"
    return .warn(
      currentIsMissing ? found + "; this month's usage goes to the default one" : found, advice: Self.advice)
  }
}
