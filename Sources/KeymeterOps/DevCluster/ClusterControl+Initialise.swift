import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ClusterControl {
  /// Makes the data directory under another name and gives it its own when it is complete.
  func initialise() async throws {
    try await discardIncomplete()
    try Files.write(Self.newPassword() + "\n", to: layout.password, owner: account)
    let suffix = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let incomplete = layout.location.appending("\(ClusterLayout.incompletePrefix)-\(suffix)")
    try Files.makeDirectory(incomplete, mode: 0o700, owner: account)
    let outcome = try await runner.run(
      binaries.initdb, arguments(incomplete), within: Bounds.initialisation)
    guard outcome.succeeded else {
      try? await discardIncomplete()
      throw EmbeddedPostgresError.initialisationFailed(output: LogTail.lastLines(of: outcome.output))
    }
    try Files.rename(incomplete, to: layout.data)
  }

  /// Removes what interrupted runs left; an orphaned initdb then fails in its removed directory.
  func discardIncomplete() async throws {
    for name in Files.names(in: layout.location) where name.hasPrefix(ClusterLayout.incompletePrefix) {
      try await removeTree(layout.location.appending(name))
    }
  }

  func removeTree(_ path: FilePath) async throws {
    let outcome = try await CommandRunner(account: nil)
      .run("/bin/rm", ["-rf", "--", path.string], within: .seconds(60))
    guard outcome.succeeded else {
      throw EmbeddedPostgresError.fileSystem(operation: "remove", path: path, reason: outcome.output)
    }
  }

  private func arguments(_ directory: FilePath) -> [String] {
    var arguments = [
      "--pgdata=\(directory)", "--username=postgres", "--encoding=UTF8", "--locale=\(Self.locale())",
      "--data-checksums", "--auth-local=peer", "--auth-host=scram-sha-256", "--pwfile=\(layout.password)",
    ]
    // Whoever turns fsync off throws the cluster away; waiting for the disk would only slow the tests.
    if options.settings["fsync"] == "off" { arguments.append("--no-sync") }
    return arguments
  }

  /// C.UTF-8 sorts by code point and still knows letters; where the system lacks it, C.
  private static func locale() -> String {
    guard let found = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil) else { return "C" }
    freelocale(found)
    return "C.UTF-8"
  }

  /// 192 random bits in letters and digits, which no file or URI needs to quote.
  private static func newPassword() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<3).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
