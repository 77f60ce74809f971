import KeymeterRepository

/// How much memory PostgreSQL keeps pages in: for information, because what is right depends on the machine.
struct MemoryCheck: DatabaseCheck {
  let name = "shared_buffers"

  /// PostgreSQL's default, in MiB.
  private static let byDefault = 128
  /// From here on the tables of ordinary pages are large themselves, in MiB.
  private static let large = 8_192

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let settings = try await database.inspection.settings([name, "huge_pages"])
    guard let setting = settings[name], let pages = Int(setting.value) else {
      return .skip("this server has no such setting")
    }
    // It is counted in pages of 8 KiB.
    let megabytes = pages / 128
    let found = "\(megabytes) MiB, huge_pages \(settings["huge_pages"]?.value ?? "unknown")"
    if megabytes <= Self.byDefault {
      return .ok("\(found): for many keys give PostgreSQL a quarter of its machine's memory")
    }
    if megabytes >= Self.large, settings["huge_pages"]?.value == "off" {
      return .ok("\(found): huge pages would spare memory and time")
    }
    return .ok(found)
  }
}
