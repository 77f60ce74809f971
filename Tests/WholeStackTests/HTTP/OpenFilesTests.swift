import KeymeterTesting
import Testing

@Suite("The limit on open files", .timeLimit(.minutes(10)))
struct OpenFilesTests {
  @Test(
    "A limit below the number of connections is logged, as a warning if the number was configured",
    arguments: [(nil, "info"), ("5000", "warning"), ("500", nil)] as [(String?, String?)])
  func warning(connections: String?, level: String?) async throws {
    try await TestDatabase.withMigrated { database in
      var environment = [
        "DATABASE_URL": try await database.url(as: .server), "KEYMETER_PEPPERS": Node.peppers,
      ]
      environment["KEYMETER_CONNECTIONS"] = connections
      let process = try await ServerProcess.start(
        ["serve", "--port", "0"], environment: environment, shell: #"ulimit -n 1000; exec "$@""#)
      _ = try await process.wait(for: /listening host=\S+ port=(\d+)/)
      let lines = try process.log.split(separator: "\n").filter { $0.contains("fewer connections than") }
      await process.discard()
      #expect(lines.count == (level == nil ? 0 : 1))
      if let level { #expect(lines.first?.contains(" \(level) ") == true, "\(lines)") }
    }
  }
}
