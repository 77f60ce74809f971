import KeymeterOps
import Foundation
import KeymeterTesting
import NIOHTTP1
import Subprocess
import Testing

@Suite("Peppers", .timeLimit(.minutes(10)))
struct PepperTests {
  private static let next = "next:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="
  /// Other bytes under the id of ``Node/peppers``.
  private static let wrong = next.replacing("next:", with: "test:")

  @Test(
    "A pepper is rotated on two nodes under load without a failed call, until no key needs the former one")
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
              // The keys of management calls must be rehashed too.
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
      #expect(tally.done.value > 20)
    }
  }

  /// Follows the steps that `keymeter pepper rotate` prints.
  private static func rotate(_ fleet: Fleet, _ database: TestDatabase, keys: Int) async throws {
    let (both, swapped) = ("\(Node.peppers),\(next)", "\(next),\(Node.peppers)")
    try await fleet.roll(settings(both))
    #expect(
      try await status(database, both).map(\.summary) == ["test current \(keys)", "next active 0"])
    try await fleet.roll(settings(swapped))
    _ = try await eventually("the keys to be rehashed") {
      try await status(database, swapped).map(\.summary) == ["next current \(keys)", "test active 0"]
        ? true : nil
    }
    try await fleet.roll(settings(next))
    #expect(
      try await status(database, next).map(\.summary) == ["next current \(keys)", "test retired 0"])
  }

  @Test("A pepper that is removed too early is reported with the number of its keys")
  func tooEarly() async throws {
    try await TestDatabase.withMigrated { database in
      let root = try await Node.organisation("clinic", on: database)
      _ = try await Node.organisation("other", on: database)
      try await Node.with(on: database, environment: Self.settings(Self.next)) { node in
        #expect(try await node.apiKey(.GET, root).status == 401)
        _ = try await eventually("the warning") {
          try node.process.log.contains(/warning .* keys=2 pepper=test/) ? true : nil
        }
      }
      #expect(
        try await Self.status(database, Self.next).map(\.summary) == ["next current 0", "test retired 2"])
      let table = try await Self.keymeter(["pepper", "status"], Self.next, database)
      #expect(table.output.contains("retired") && table.code == 0)
    }
  }

  @Test("Other bytes under a known id stop the server, and commands that create keys, with 78")
  func mismatch() async throws {
    try await TestDatabase.withMigrated { database in
      let create = ["org", "create", "--name", "Clinic", "--provider-id"]
      #expect(try await Self.keymeter(create + ["clinic"], Node.peppers, database).code == 0)
      for command in [
        ["serve", "--port", "0"], create + ["other"], ["key", "create-root", "--provider-id", "clinic"],
      ] {
        let result = try await Self.keymeter(command, Self.wrong, database)
        #expect(result.code == 78, "\(command)")
        #expect(result.output.contains("KEYMETER_PEPPERS") && result.output.contains("'test'"))
        #expect(result.output.split(separator: "\n").count == 1)
      }
      #expect(try await Self.status(database, Self.wrong).map(\.summary) == ["test mismatched 1"])
      let listed = try await Self.keymeter(["org", "list"], Self.wrong, database).output
      #expect(listed.contains("clinic") && !listed.contains("other"))
    }
  }

  @Test("Other bytes stop the server with 78 even if the database comes back after the start")
  func mismatchLater() async throws {
    try await OwnCluster.with { cluster in
      let url = cluster.connectionURL(database: "keymeter")
      let created = try await ServerProcess.output(
        of: ["org", "create", "--name", "Clinic", "--provider-id", "clinic"],
        environment: ["DATABASE_URL": url, "KEYMETER_PEPPERS": Node.peppers])
      #expect(created.code == 0)
      try await cluster.stop()
      try await Node.with(on: url, environment: Self.settings(Self.wrong)) { node in
        try await cluster.start()
        #expect(try await node.process.ended() == .exited(78))
        #expect(try node.process.log.contains("KEYMETER_PEPPERS"))
      }
    }
  }

  @Test("rotate generates a pepper that the server accepts, and writes it to a new private file only")
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
    #expect(!written.output.contains(text.suffix(20).dropLast()), "the pepper is in the file only")
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let again = try await Self.keymeter(["pepper", "rotate", "--file", file], Node.peppers)
    #expect(again.code == 1 && again.output.contains(file))
    #expect(try String(contentsOfFile: file, encoding: .utf8) == text)

    try await TestDatabase.withMigrated { database in
      let environment = ["DATABASE_URL": database.url, "KEYMETER_PEPPERS_FILE": file]
      let status = try await ServerProcess.output(of: ["pepper", "status"], environment: environment)
      #expect(status.output.contains(/test +current +0/) && status.output.contains(/p\w{8} +active +0/))
    }
    try FileManager.default.removeItem(atPath: file)

    let first = try await ServerProcess.output(of: ["pepper", "rotate"], environment: [:])
    #expect(first.code == 0 && first.output.contains("1. ") && !first.output.contains("2. "))
  }

  private static func settings(_ peppers: String) -> [String: String] {
    ["KEYMETER_PEPPERS": peppers]
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
    return try await ServerProcess.output(of: arguments, environment: environment)
  }
}

/// One line of `keymeter pepper status --json`.
private struct StatusLine: Decodable {
  let pepper_id: String
  let state: String
  let keys: Int

  var summary: String { "\(pepper_id) \(state) \(keys)" }
}

/// The outcomes that the load's clients saw.
private final class Tally: Sendable {
  let done = Shared(0)
  let failures = Shared<[String]>([])
  let isOver = Shared(false)
}
