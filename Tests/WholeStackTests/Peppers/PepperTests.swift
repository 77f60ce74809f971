import KeymeterOps
import Foundation
import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Peppers", .timeLimit(.minutes(2)))
struct PepperTests {
  private static let next = "next:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="

  @Test(
    "A pepper is rotated on two nodes under load without one failed call, until the former guards nothing")
  func rotation() async throws {
    try await TestDatabase.withMigrated { database in
      let root = try await Node.organisation("clinic", on: database)
      let fleet = try await Fleet(database: database, count: 2, environment: Self.settings(Node.peppers))
      var accounts = [root]
      for _ in 0..<8 { accounts.append(try await fleet.use { try await $0.child(of: root) }) }
      let (load, tally) = (accounts, Tally())
      let clients = Task {
        try await withClient(connections: 16) { client in
          _ = try await concurrently(4) { _ in
            while !tally.isOver.value {
              guard let account = load.randomElement() else { return }
              // A root key that only manages is to move as well.
              let reply = try await fleet.use { node in
                account.keyID == root.keyID
                  ? try await node.apiKey(.GET, root) : try await node.verify(account, via: client)
              }
              if reply.status == 200 {
                tally.done.increment()
              } else {
                tally.failures.value.append(reply.body)
              }
            }
          }
        }
      }
      let result: Result<Void, any Error>
      do {
        try await Self.rotate(fleet, database, keys: load.count)
        result = .success(())
      } catch {
        result = .failure(error)
      }
      tally.isOver.value = true
      await #expect(throws: Never.self) { try await clients.value }
      await fleet.discard()
      try result.get()
      #expect(tally.failures.value == [])
      #expect(tally.done.value > 100)
    }
  }

  /// What `keymeter pepper rotate` tells an operator to do.
  private static func rotate(_ fleet: Fleet, _ database: TestDatabase, keys: Int) async throws {
    let (both, swapped) = ("\(Node.peppers),\(next)", "\(next),\(Node.peppers)")
    try await fleet.roll(settings(both))
    #expect(
      try await status(database, both).map(\.summary) == ["test current \(keys)", "next active 0"])
    try await fleet.roll(settings(swapped))
    _ = try await eventually("the keys to move") {
      try await status(database, swapped).map(\.summary) == ["next current \(keys)", "test active 0"]
        ? true : nil
    }
    try await fleet.roll(settings(next))
    #expect(
      try await status(database, next).map(\.summary) == ["next current \(keys)", "test retired 0"])
    #expect(try await fleet.logs.allSatisfy { !$0.contains("no longer configured") })
  }

  @Test("A pepper that is taken out too early is reported with the number of its keys")
  func tooEarly() async throws {
    try await TestDatabase.withMigrated { database in
      let root = try await Node.organisation("clinic", on: database)
      _ = try await Node.organisation("other", on: database)
      let node = try await Node.start(databaseURL: database.url, environment: Self.settings(Self.next))
      #expect(try await node.apiKey(.GET, root).status == 401)
      _ = try await eventually("the warning") {
        try node.process.log.contains(/warning .*no longer configured.* keys=2 pepper=test/) ? true : nil
      }
      await node.process.discard()
      #expect(
        try await Self.status(database, Self.next).map(\.summary) == ["next current 0", "test retired 2"])
      let table = try await Self.keymeter(["pepper", "status"], Self.next, database)
      #expect(table.output.contains("retired") && table.code == 0)
    }
  }

  @Test("Other bytes under a known id stop the server, and commands that make keys, with 78")
  func mismatch() async throws {
    try await TestDatabase.withMigrated { database in
      let create = ["org", "create", "--name", "Clinic", "--provider-id"]
      #expect(try await Self.keymeter(create + ["clinic"], Node.peppers, database).code == 0)
      let wrong = Self.next.replacing("next:", with: "test:")
      for command in [
        ["serve", "--port", "0"], create + ["other"], ["key", "create-root", "--provider-id", "clinic"],
      ] {
        let result = try await Self.keymeter(command, wrong, database)
        #expect(result.code == 78, "\(command)")
        #expect(result.output.hasPrefix("keymeter: KEYMETER_PEPPERS has different bytes for the id 'test' "))
        #expect(result.output.split(separator: "\n").count == 1)
      }
      #expect(try await Self.status(database, wrong).map(\.summary) == ["test mismatched 1"])
      #expect(try await Self.keymeter(["org", "list"], wrong, database).output.contains("clinic"))
      #expect(try await !Self.keymeter(["org", "list"], wrong, database).output.contains("other"))
    }
  }

  @Test("Other bytes are noticed as well when the database comes back only after the start")
  func mismatchLater() async throws {
    try await OwnCluster.with { cluster in
      let url = cluster.connectionURL(database: "keymeter")
      let made = try await Self.keymeter(
        ["org", "create", "--name", "Clinic", "--provider-id", "clinic"],
        environment: ["DATABASE_URL": url, "KEYMETER_PEPPERS": Node.peppers])
      #expect(made.code == 0)
      try await cluster.stop()
      let wrong = Self.next.replacing("next:", with: "test:")
      let node = try await Node.start(databaseURL: url, environment: Self.settings(wrong))
      try await cluster.start()
      let ended = try await eventually("the server to end") {
        try node.process.log.contains("KEYMETER_PEPPERS has different bytes for the id 'test'") ? true : nil
      }
      #expect(ended)
      #expect(try await node.process.ended() == .exited(78))
      await node.process.discard()
    }
  }

  @Test("rotate draws a pepper that the server takes, and writes to a new, private file alone")
  func draw() async throws {
    let printed = try await Self.keymeter(["pepper", "rotate", "--json"], Node.peppers)
    let plan = try #require(
      try JSONSerialization.jsonObject(with: Data(printed.output.utf8)) as? [String: Any])
    let line = try #require(plan["pepper"] as? String)
    #expect(line.hasPrefix("\(try #require(plan["pepper_id"] as? String)):"))
    #expect((plan["steps"] as? [String])?.count == 4)
    let encoded = String(line.split(separator: ":").last ?? "")
    #expect(Data(base64Encoded: encoded)?.count == 32)

    let file = "/tmp/keymeter-test-peppers-\(UUID().uuidString)"
    let written = try await Self.keymeter(["pepper", "rotate", "--file", file], Node.peppers)
    #expect(written.code == 0)
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.hasPrefix("\(Node.peppers),p"))
    #expect(!written.output.contains(text.suffix(20).dropLast()), "the pepper is in the file alone")
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let again = try await Self.keymeter(["pepper", "rotate", "--file", file], Node.peppers)
    #expect(again.code == 1 && again.output.hasPrefix("keymeter: \(file) can't be written"))
    #expect(try String(contentsOfFile: file, encoding: .utf8) == text)

    try await TestDatabase.withMigrated { database in
      let environment = ["DATABASE_URL": database.url, "KEYMETER_PEPPERS_FILE": file]
      let status = try await Self.keymeter(["pepper", "status"], environment: environment)
      #expect(status.output.contains(/test +current +0/) && status.output.contains(/p\w{8} +active +0/))
    }
    try FileManager.default.removeItem(atPath: file)

    let first = try await Self.keymeter(["pepper", "rotate"], environment: [:])
    #expect(first.code == 0 && first.output.contains("1. ") && !first.output.contains("2. "))
  }

  private static func settings(_ peppers: String) -> [String: String] {
    ["KEYMETER_PEPPERS": peppers, "KEYMETER_LOG_LEVEL": "info"]
  }

  private static func status(_ database: TestDatabase, _ peppers: String) async throws -> [StatusLine] {
    let result = try await keymeter(["pepper", "status", "--json"], peppers, database)
    return try JSONDecoder().decode([StatusLine].self, from: Data(result.output.utf8))
  }

  private static func keymeter(
    _ arguments: [String], _ peppers: String, _ database: TestDatabase? = nil
  ) async throws -> (output: String, code: Int32) {
    var environment = ["KEYMETER_PEPPERS": peppers]
    environment["DATABASE_URL"] = database?.url
    return try await keymeter(arguments, environment: environment)
  }

  private static func keymeter(
    _ arguments: [String], environment: [String: String]
  ) async throws -> (output: String, code: Int32) {
    let process = try await ServerProcess.start(arguments, environment: environment)
    // A server that should have refused to start would serve on.
    let patience = Task {
      try await Task.sleep(for: .seconds(20))
      process.signal(SIGKILL)
    }
    let status = try await process.ended()
    patience.cancel()
    let output = try process.log
    await process.discard()
    guard case .exited(let code) = status else { throw TestFailure("keymeter ended by \(status)") }
    return (output, code)
  }
}

/// One line of `keymeter pepper status --json`.
private struct StatusLine: Decodable {
  let pepper_id: String
  let state: String
  let keys: Int

  var summary: String { "\(pepper_id) \(state) \(keys)" }
}

/// What the load's clients saw.
private final class Tally: Sendable {
  let done = Shared(0)
  let failures = Shared<[String]>([])
  let isOver = Shared(false)
}
