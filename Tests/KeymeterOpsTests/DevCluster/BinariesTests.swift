import KeymeterOps
import Glibc
import SystemPackage
import Testing

extension ClusterTests {
  @Suite("Finding PostgreSQL", .serialized, .timeLimit(.minutes(10)))
  struct Binaries {
    @Test("an installed PostgreSQL is found without any variable")
    func packages() async throws {
      let found = try await PostgresBinaries.find(environment: [:])
      #expect(found.majorVersion >= 15)
      #expect(exists(found.directory.appending("initdb")))
    }

    @Test("a wrong KEYMETER_PG_BIN is an error that names what is missing, not a reason to look elsewhere")
    func wrongDirectory() async throws {
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await PostgresBinaries.find(environment: ["KEYMETER_PG_BIN": "/usr/share", "PATH": "/usr/bin"])
      }
      #expect("\(try #require(error))".contains("there is no executable initdb, pg_ctl, postgres"))
    }

    @Test("programs that are not PostgreSQL are refused with what they answered")
    func otherPrograms() async throws {
      let scratch = try Scratch()
      try await fill(scratch.path, with: "echo a rose")
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await PostgresBinaries.find(environment: ["KEYMETER_PG_BIN": scratch.path.string])
      }
      #expect("\(try #require(error))".contains("a rose"))
      await scratch.remove()
    }

    @Test("PATH comes before the packages' places, and KEYMETER_PG_BIN before PATH")
    func order() async throws {
      let scratch = try Scratch()
      try await fill(scratch.path, with: "echo 'postgres (PostgreSQL) 99beta1'")
      let path = "/usr/bin:\(scratch.path)"
      let installed = try await PostgresBinaries.find(environment: [:])
      let onPath = try await PostgresBinaries.find(environment: ["PATH": path])
      #expect(onPath.directory == scratch.path && onPath.majorVersion == 99)
      let chosen = try await PostgresBinaries.find(
        environment: ["PATH": path, "KEYMETER_PG_BIN": installed.directory.string])
      #expect(chosen.majorVersion == installed.majorVersion)
      await scratch.remove()
    }

    /// Puts three shell scripts where the programs would be.
    private func fill(_ directory: FilePath, with command: String) async throws {
      let script = """
        cd "$1" && for name in initdb pg_ctl postgres; do
          printf '#!/bin/sh\\n%s\\n' "$2" > $name && chmod 755 $name || exit 1
        done
        """
      let outcome = try await tool("/bin/sh", ["-c", script, "sh", directory.string, command])
      try #require(outcome.succeeded, "\(outcome.output)")
    }
  }
}
