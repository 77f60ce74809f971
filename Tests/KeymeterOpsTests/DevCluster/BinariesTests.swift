import KeymeterOps
import SystemPackage
import Testing

@Suite("Finding PostgreSQL")
struct BinariesTests {
  @Test("An installed PostgreSQL is found without KEYMETER_PG_BIN and PATH")
  func packages() throws {
    let found = try PostgresBinaries.find(environment: [:])
    #expect(exists(found.directory.appending("initdb")))
  }

  @Test("A wrong KEYMETER_PG_BIN is an error, even if PostgreSQL is installed elsewhere")
  func wrongDirectory() {
    #expect(
      throws: PostgresClusterError.binariesMissing(
        directory: "/usr/share", names: ["initdb", "pg_ctl", "postgres"])
    ) { try PostgresBinaries.find(environment: ["KEYMETER_PG_BIN": "/usr/share"]) }
  }

  @Test("KEYMETER_PG_BIN takes precedence over PATH, and PATH over the packages' directories")
  func order() async throws {
    let installed = try PostgresBinaries.find(environment: [:]).directory
    try await withScratch { scratch in
      _ = try await shell("cd '\(scratch)' && touch initdb pg_ctl postgres && chmod 755 *")
      let path = "/usr/bin:\(scratch)"
      #expect(try PostgresBinaries.find(environment: ["PATH": path]).directory == scratch)
      let chosen = try PostgresBinaries.find(environment: ["PATH": path, "KEYMETER_PG_BIN": installed.string])
      #expect(chosen.directory == installed)
    }
  }

  @Test("Links on PATH lead to the installation, which has the other programs")
  func links() async throws {
    let installed = try PostgresBinaries.find(environment: [:]).directory
    try await withScratch { scratch in
      let programs = ["initdb", "pg_ctl", "postgres"].map { "'\(installed.appending($0))'" }
      _ = try await shell("ln -s \(programs.joined(separator: " ")) '\(scratch)'")
      #expect(try PostgresBinaries.find(environment: ["PATH": scratch.string]).directory == installed)
    }
  }
}
