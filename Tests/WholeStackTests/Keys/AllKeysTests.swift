import Foundation
import KeymeterTesting
import NIOHTTP1
import Testing

@Suite("Listing all keys of a large organisation", .timeLimit(.minutes(10)))
struct AllKeysTests {
  private static let count = 60_000

  /// HTTP/1.0 has no chunks, so the response ends with the connection.
  @Test("Each key is listed once, in one response and in little memory")
  func bounded() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await Self.fill("clinic", on: database)
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try Processes.peakKilobytes(of: node.process.processID)
      let response = try await RawConnection.exchange(Self.request(by: root, version: "1.0"), port: node.port)
      let after = try Processes.peakKilobytes(of: node.process.processID)
      #expect(after - before < 40 * 1_024, "from \(before) KiB to \(after) KiB")
      let parts = response.split(separator: "\r\n\r\n", maxSplits: 1)
      #expect(response.hasPrefix("HTTP/1.0 200 ") && parts.count == 2)
      let keys = try JSONSerialization.jsonObject(with: Data(try #require(parts.last).utf8))
      let object = try #require(keys as? [String: [String: Any]])
      #expect(object.count == Self.count + 1)
      #expect(object.allSatisfy { $0.key == $0.value["id"] as? String })
    }
  }

  @Test("A listing is aborted, visibly incomplete, when the key that requested it is revoked")
  func aborted() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let second = try await Self.secondRoot(of: "clinic", on: database)
      try await Self.fill("clinic", on: database)
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send(Self.request(by: root, version: "1.1"))
      try await connection.untilResponses(1)
      try await connection.stopReading()
      let revoked = try await send(
        .POST, node.baseURL + "/api/v1/apikey/\(root.keyID)/revoke", headers: [("X-API-Key", second)])
      #expect(revoked.status == 200)
      try await connection.resumeReading()
      let response = try await connection.untilClosed()
      await connection.close()
      #expect(response.hasPrefix("HTTP/1.1 200 "))
      #expect(!response.hasSuffix("\r\n0\r\n\r\n"))
    }
  }

  /// A page of these keys has several megabytes.
  @Test("Many clients that request a listing and never read fill no memory, and other clients are served")
  func slowReaders() async throws {
    // The request timeout must not disconnect them first.
    try await Node.with(environment: ["KEYMETER_REQUEST_SECONDS": "3600"]) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      try await Self.fill(
        "clinic", count: 1_100, on: database,
        scopes: "(SELECT array_agg(rpad(n || '.' || s || '.', 128, 'x')) FROM generate_series(1, 100) AS s)")
      #expect(try await node.apiKey(.GET, root).status == 200)
      let before = try Processes.peakKilobytes(of: node.process.processID)
      var readers: [RawConnection] = []
      // Together they would buffer more than twice the limit of 64 MiB.
      for _ in 0..<30 {
        let reader = try await RawConnection.open(port: node.port)
        try await reader.send(Self.request(by: root, version: "1.1"))
        readers.append(reader)
        // One after the other: they would otherwise compete for connections to PostgreSQL. The node may disconnect
        // this one before it has sent a byte.
        _ = try await eventually("a response") { reader.responses > 0 || !reader.isOpen ? true : nil }
        try? await reader.stopReading()
      }
      let opened = Double(readers.count)
      _ = try await eventually("slow clients to be disconnected") {
        try await node.scrape()["keymeter_connections"] < opened ? true : nil
      }
      #expect(try await node.verify(root).status == 200)
      let after = try Processes.peakKilobytes(of: node.process.processID)
      #expect(after - before < 155 * 1_024, "from \(before) KiB to \(after) KiB")
      for reader in readers { await reader.close() }
    }
  }

  private static func request(by account: Account, version: String) -> String {
    let headers = account.headers.map { "\($0.0): \($0.1)\r\n" }.joined()
    return "GET /api/v1/api-key?list_all=true HTTP/\(version)\r\nHost: x\r\n\(headers)\r\n"
  }

  private static func secondRoot(of provider: String, on database: TestDatabase) async throws -> String {
    let created = try await ServerProcess.output(
      of: ["key", "create-root", "--provider-id", provider, "--json"], on: database)
    let object = try JSONSerialization.jsonObject(with: Data(created.output.utf8)) as? [String: String]
    return try #require(object?["root_key"])
  }

  /// Gives an organisation child keys without secrets.
  private static func fill(
    _ provider: String, count: Int = count, on database: TestDatabase, scopes: String = "'{*}'"
  ) async throws {
    try await database.run(
      """
      INSERT INTO keymeter.api_keys (
        organisation_id, key_id, friendly_name, root, environment, scopes, linkage_id, key_hint)
      SELECT o.organisation_id, 'key_' || lpad(n::text, 24, '0'), 'Key ' || n, false, 'PRODUCTION', \(scopes),
        'lnk_' || n, 'sk_live_...0000'
      FROM keymeter.organisations AS o, generate_series(1, \(count)) AS n WHERE o.provider_id = '\(provider)';
      ANALYZE keymeter.api_keys
      """)
  }
}
