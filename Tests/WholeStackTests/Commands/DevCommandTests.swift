import KeymeterOps
import Foundation
import KeymeterTesting
import NIOHTTP1
import Subprocess
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("keymeter dev", .timeLimit(.minutes(10)))
struct DevCommandTests {
  @Test("The first run prints a demo organisation that works; a later one says how to get a new root key")
  func twoRuns() async throws {
    try await withDirectory { directory in
      let first = try await start(directory)
      let baseURL = try await first.wait(for: /Keymeter serves (http:\S+)/)
      let key = try await first.wait(for: /root key     (\S+)/)
      let demo = Account(provider: "demo", key: key, keyID: "")
      #expect(try await send(.GET, baseURL + "/api/v1/api-key", headers: demo.headers).status == 200)
      #expect(try first.log.contains("curl -sS \(baseURL)/api/v1/api-key"))

      first.signal(SIGINT)
      #expect(try await first.ended() == .exited(0))
      #expect(!(try isRunning(directory)), "the cluster has been stopped")
      await first.discard()

      let second = try await start(directory)
      let secondURL = try await second.wait(for: /Keymeter serves (http:\S+)/)
      #expect(try second.log.contains("keymeter key create-root --provider-id demo"))
      #expect(try await send(.GET, secondURL + "/api/v1/api-key", headers: demo.headers).status == 200)
      second.signal(SIGTERM)
      #expect(try await second.ended() == .exited(0))
      await second.discard()
    }
  }

  @Test("DIR/env is private and lets every other command use the cluster")
  func environmentFile() async throws {
    try await withDirectory { directory in
      let server = try await start(directory)
      _ = try await server.wait(for: /Keymeter serves (http:\S+)/)
      let file = directory.appending("env").string
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      #expect(attributes[.posixPermissions] as? Int == 0o600)

      let listed = try await ServerProcess.start(["org", "list"], environment: try variables(in: file))
      #expect(try await listed.ended() == .exited(0))
      #expect(try listed.log.contains("demo"))
      await listed.discard()
      server.signal(SIGINT)
      #expect(try await server.ended() == .exited(0))
      await server.discard()
    }
  }

  @Test("After a kill -9 the next run takes the cluster over, with its data")
  func killed() async throws {
    try await withDirectory { directory in
      let first = try await start(directory)
      _ = try await first.wait(for: /Keymeter serves (http:\S+)/)
      await first.discard()
      let second = try await start(directory)
      _ = try await second.wait(for: /Keymeter serves (http:\S+)/)
      #expect(try second.log.contains("keymeter key create-root --provider-id demo"))
      second.signal(SIGINT)
      #expect(try await second.ended() == .exited(0))
      #expect(!(try isRunning(directory)))
      await second.discard()
    }
  }

  @Test("A second run on the same directory is refused and leaves the first one alone")
  func twoAtOnce() async throws {
    try await withDirectory { directory in
      let first = try await start(directory)
      let baseURL = try await first.wait(for: /Keymeter serves (http:\S+)/)
      let second = try await start(directory)
      #expect(try await second.ended() == .exited(1))
      #expect(try second.log.contains("another `keymeter dev` is using"))
      await second.discard()
      #expect(try await send(.GET, baseURL + "/health/ready").status == 200)
      first.signal(SIGINT)
      #expect(try await first.ended() == .exited(0))
      await first.discard()
    }
  }

  @Test("A port that is taken ends the run with a clear line, and the cluster is stopped")
  func portTaken() async throws {
    try await Node.with { node, _ in
      try await withDirectory { directory in
        let port = try #require(node.baseURL.split(separator: ":").last)
        let server = try await start(directory, port: String(port))
        #expect(try await server.ended() != .exited(0))
        #expect(try server.log.contains("port \(port)"))
        #expect(!(try isRunning(directory)))
        await server.discard()
      }
    }
  }

  @Test("It accepts reports of leaked keys if the signers are configured")
  func reports() async throws {
    try await withDirectory { directory in
      let gitHub = GitHub(identifier: "one")
      let server = try await start(
        directory, environment: ["KEYMETER_GITHUB_SECRET_SCANNING_KEYS": "one:\(gitHub.pem)"])
      let baseURL = try await server.wait(for: /Keymeter serves (http:\S+)/)
      #expect(try await send(.POST, baseURL + "/api/v1/leaks/github", body: "[]").status == 401)
      server.signal(SIGINT)
      #expect(try await server.ended() == .exited(0))
      await server.discard()
    }
  }

  private func start(
    _ directory: FilePath, port: String = "0", environment: [String: String] = [:]
  ) async throws -> ServerProcess {
    try await ServerProcess.start(
      ["dev", "--data-dir", directory.string, "--port", port],
      environment: ["KEYMETER_LOG_LEVEL": "info"].merging(environment) { $1 })
  }

  private func isRunning(_ directory: FilePath) throws -> Bool {
    try PostgresCluster(directory: directory, binaries: PostgresBinaries.find()).postmasterPID != nil
  }

  private func variables(in file: String) throws -> [String: String] {
    let text = String(decoding: try #require(FileManager.default.contents(atPath: file)), as: UTF8.self)
    let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
      let parts = line.split(separator: "=", maxSplits: 1)
      return parts.count == 2 ? (String(parts[0]), String(parts[1]).replacing("'", with: "")) : nil
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  private func withDirectory(_ body: (FilePath) async throws -> Void) async throws {
    let directory = FilePath("/tmp/keymeter-dev-\(UUID().uuidString.prefix(8))")
    do {
      try await body(directory)
    } catch {
      try? await remove(directory)
      throw error
    }
    try await remove(directory)
  }

  private func remove(_ directory: FilePath) async throws {
    try await PostgresCluster(directory: directory, binaries: PostgresBinaries.find()).destroy()
  }
}
