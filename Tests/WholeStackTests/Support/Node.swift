import KeymeterDomain
import KeymeterRepository
import KeymeterTesting
import NIOHTTP1
import Postgres

/// One `keymeter serve` on a database.
struct Node: Sendable {
  let process: ServerProcess
  let port: Int
  /// Its URL without TLS.
  var baseURL: String { url("http", "127.0.0.1") }

  static let peppers = "test:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="

  private static var textPort: Regex<(Substring, Substring)> { /listening host=\S+ port=(\d+)/ }
  private static var jsonPort: Regex<(Substring, Substring)> { /"message":"listening","port":"(\d+)"/ }

  /// Starts a server and waits until it listens.
  static func start(
    databaseURL: String, environment: [String: String] = [:]
  ) async throws -> Node {
    let process = try await ServerProcess.start(
      ["serve", "--port", "0"],
      environment: [
        "DATABASE_URL": databaseURL, "KEYMETER_PEPPERS": peppers,
        // More than the default, so that batches of one node race too.
        "KEYMETER_ADMISSION_LANES": "2",
      ].merging(environment) { $1 })
    do {
      let pattern = environment["KEYMETER_LOG_FORMAT"] == "json" ? jsonPort : textPort
      guard let port = Int(try await process.wait(for: pattern)) else { throw TestFailure("no port") }
      return Node(process: process, port: port)
    } catch {
      let log = (try? process.log) ?? ""
      await process.discard()
      throw TestFailure("the server did not listen: \(error)\n\(log)")
    }
  }

  func url(_ scheme: String, _ host: String) -> String { "\(scheme)://\(host):\(port)" }

  /// Runs `body` with a server on a new migrated database.
  static func with(
    environment: [String: String] = [:], _ body: (Node, TestDatabase) async throws -> Void
  ) async throws {
    try await with(count: 1, environment: environment) { try await body($0[0], $1) }
  }

  /// Runs `body` with `count` servers on one new migrated database.
  static func with(
    count: Int, environment: [String: String] = [:], _ body: ([Node], TestDatabase) async throws -> Void
  ) async throws {
    try await TestDatabase.withMigrated { database in
      var nodes: [Node] = []
      do {
        for _ in 0..<count {
          nodes.append(try await start(databaseURL: database.url, environment: environment))
        }
        try await body(nodes, database)
      } catch {
        for node in nodes { await node.process.discard() }
        throw error
      }
      for node in nodes { await node.process.discard() }
    }
  }

  /// Runs `body` with a server on an existing database.
  static func with(
    on url: String, environment: [String: String] = [:], _ body: (Node) async throws -> Void
  ) async throws {
    let node = try await start(databaseURL: url, environment: environment)
    do {
      try await body(node)
    } catch {
      await node.process.discard()
      throw error
    }
    await node.process.discard()
  }

  /// Runs `body` with a server on an existing database.
  static func with(
    on database: TestDatabase, environment: [String: String] = [:], _ body: (Node) async throws -> Void
  ) async throws {
    try await with(on: database.url, environment: environment, body)
  }

  /// Creates an organisation on a database.
  static func organisation(_ provider: String, on database: TestDatabase) async throws -> Account {
    try await database.withPool { pool in
      let organisation = try await TestOrganisation.create(
        provider, in: PostgresTenantStore(pool: pool))
      return Account(
        provider: provider, key: organisation.root.secret.revealed, keyID: organisation.root.key.id.rawValue)
    }
  }

  /// Calls `/api/v1/api-key`.
  func apiKey(
    _ method: HTTPMethod, _ account: Account, query: String = "", body: String? = nil
  ) async throws -> Reply {
    try await send(
      method, baseURL + "/api/v1/api-key" + query,
      headers: account.headers + (body == nil ? [] : [("Content-Type", "application/json")]), body: body)
  }
}

/// A key and its organisation's provider id.
struct Account: Sendable {
  let provider: String
  let key: String
  let keyID: String

  var headers: [(String, String)] {
    [("X-Scrubs-Clinic-Api-Key", key), ("X-Scrubs-Clinic-Provider", provider)]
  }

  /// The account in the response to a creation.
  func child(_ reply: Reply) throws -> Account {
    guard let key = reply.text("apiKey"), let id = reply.text("id") else {
      throw TestFailure("no key in \(reply.body)")
    }
    return Account(provider: provider, key: key, keyID: id)
  }
}

extension TestDatabase {
  /// Runs SQL as the owner.
  func run(_ sql: String) async throws {
    try await withPool { pool in try await pool.withConnection { try await $0.executeScript(sql) } }
  }
}
