import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Secrets in settings", .timeLimit(.minutes(10)))
struct SettingsSecrecyTests {
  private static let password = "hunter2correcthorse"
  private static let pepper = "Y29ycmVjdGhvcnNlYmF0dGVyeXN0YXBsZWNvcnJlY3Q="

  @Test(
    "No failed start logs or prints a password or a pepper", arguments: ["text", "json"])
  func failingStarts(format: String) async throws {
    let (password, pepper) = (Self.password, Self.pepper)
    let urls = [
      "postgresql://app:\(password)@127.0.0.1:1/x?sslpassword=\(password)",
      "host=127.0.0.1 port=1 password=\(password)",
      "postgresql://app:\(password)@127.0.0.1:port/x",
      "postgresql://app:\(password)@127.0.0.1:1/x?nothing=1",
      // libpq would read the rest of a password after an @ or a / as a host or a port.
      "postgresql://app:x@\(password)@127.0.0.1:1/x", "postgresql://app:\(password)/x@127.0.0.1:1/x",
    ]
    let wrongPeppers = ["p1:\(pepper),p1:\(pepper)", "p1:\(pepper),", pepper, "p 1:\(pepper)"]
    let settings = urls.map { ($0, "p1:\(pepper)") } + wrongPeppers.map { (urls[0], $0) }
    for (url, peppers) in settings {
      let environment = [
        "DATABASE_URL": url, "KEYMETER_PEPPERS": peppers, "KEYMETER_LOG_LEVEL": "trace",
        "KEYMETER_LOG_FORMAT": format,
      ]
      for command in [
        ["serve", "--port", "0"], ["org", "list"], ["migrate"], ["pepper", "status"], ["doctor"],
        ["org", "create", "--provider-id", "a", "--name", "b"],
      ] {
        let output = try await Self.output(of: command, environment)
        #expect(!output.isEmpty)
        for secret in [password, pepper, "correcthorsebattery"] {
          #expect(!output.contains(secret), "\(command) with \(url) and \(peppers)")
        }
      }
    }
  }

  @Test("A running server at its most verbose log level prints no password, pepper or query")
  func runningServer() async throws {
    let environment = [
      "KEYMETER_PEPPERS": "\(Node.peppers),p1:\(Self.pepper)", "KEYMETER_LOG_LEVEL": "trace",
    ]
    try await TestDatabase.withMigrated { database in
      let separator = database.url.contains("?") ? "&" : "?"
      let node = try await Node.start(
        databaseURL: "\(database.url)\(separator)password=\(Self.password)", environment: environment)
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root)
      #expect(try await node.verify(child, "?tokens=76543217&scope=marked:query").status == 200)
      #expect(try await node.verify(child, "?marked-parameter=1").status == 400)
      #expect(try await node.apiKey(.GET, root, query: "?list_all=marked-value").status == 400)
      let log = try node.process.log
      #expect(log.contains("listening"))
      for secret in [
        Self.password, Self.pepper, "correcthorsebattery", "BwcHBwcH", "76543217", "marked:query",
        "marked-parameter", "marked-value",
      ] {
        #expect(!log.contains(secret))
      }
      await node.process.discard()
    }
  }

  /// A command's output.
  ///
  /// A server that starts is stopped once it has logged something.
  private static func output(of command: [String], _ environment: [String: String]) async throws -> String {
    let process = try await ServerProcess.start(command, environment: environment)
    if command[0] == "serve" {
      _ = try await eventually("output") { try !process.log.isEmpty || !process.isRunning ? true : nil }
      process.signal(SIGTERM)
    }
    _ = try await process.ended()
    let log = try process.log
    await process.discard()
    return log
  }
}
