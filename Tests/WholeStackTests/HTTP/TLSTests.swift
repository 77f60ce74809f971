import AsyncHTTPClient
import FoundationEssentials
import KeymeterTesting
import NIOHTTP1
import NIOSSL
import Testing

@Suite("TLS", .timeLimit(.minutes(10)))
struct TLSTests {
  @Test("Clients connect over TLS 1.2 and 1.3 by the certificate chain")
  func verified() async throws {
    try await withNode { node, root, certificates in
      for version in [TLSVersion.tlsv12, .tlsv13] {
        var configuration = certificates.trusting
        configuration.minimumTLSVersion = version
        configuration.maximumTLSVersion = version
        try await withTLSClient(configuration) { client in
          for host in ["localhost", "127.0.0.1"] {
            let url = node.url("https", host)
            #expect(try await send(.GET, url + "/health/ready", via: client).status == 200)
            let verified = try await send(.GET, url + "/api/v1/verify", headers: root.headers, via: client)
            #expect(verified.status == 200)
            let listed = try await send(.GET, url + "/api/v1/api-key", headers: root.headers, via: client)
            #expect(listed.text("id") == root.keyID)
          }
        }
      }
    }
  }

  @Test("Nothing older than TLS 1.2 is accepted, and a client with another authority rejects the server")
  func rejected() async throws {
    try await withNode { node, _, certificates in
      var old = certificates.trusting
      old.minimumTLSVersion = .tlsv1
      old.maximumTLSVersion = .tlsv11
      for configuration in [old, .makeClientConfiguration()] {
        try await withTLSClient(configuration) { client in
          await #expect(throws: (any Error).self) {
            try await send(.GET, node.url("https", "localhost") + "/health/live", via: client)
          }
        }
      }
    }
  }

  @Test("A plain HTTP request on the TLS port gets no response, and the connection is closed")
  func plain() async throws {
    try await withNode { node, _, _ in
      let response = try await RawConnection.exchange(
        "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", port: node.port)
      #expect(!response.contains("HTTP/1.1"))
    }
  }

  @Test("A handshake that does not continue times out")
  func silentHandshake() async throws {
    try await withNode(["KEYMETER_REQUEST_SECONDS": "1"]) { node, _, _ in
      let connection = try await RawConnection.open(port: node.port)
      #expect(try await connection.untilClosed() == "")
    }
  }

  @Test("Changed files apply to new connections, and open ones are kept")
  func reload() async throws {
    // On a busy machine the reload takes a while, and neither side may close the idle connection before.
    try await withNode(["KEYMETER_IDLE_SECONDS": "600"]) { node, _, certificates in
      try await certificates.issue("other", for: Self.nameOnly)
      let byAddress = node.url("https", "127.0.0.1") + "/health/live"
      try await withTLSClient(certificates.trusting) { early in
        #expect(try await send(.GET, byAddress, via: early).status == 200)
        try await certificates.replace("server", by: "other")
        try await untilReplaced(node, certificates)
        #expect(try await send(.GET, byAddress, via: early).status == 200, "the open connection is kept")
      }
      #expect(await isAccepted(node.url("https", "localhost"), certificates))
    }
  }

  @Test("Files that break leave the former certificate in use, with one error each in the log")
  func brokenReload() async throws {
    try await withNode { node, _, certificates in
      let byAddress = node.url("https", "127.0.0.1")
      try await certificates.issue("other", for: Self.nameOnly)
      for (count, change) in [(1, "cp other.key server.key"), (2, "rm server.pem")] {
        try await certificates.run(change)
        _ = try await eventually("an error") { try Self.errors(of: node) >= count ? true : nil }
        #expect(await isAccepted(byAddress, certificates))
      }
      try await certificates.run("cp other.pem server.pem")
      try await untilReplaced(node, certificates)
      #expect(try Self.errors(of: node) == 2, "each fault is logged once")
    }
  }

  /// The names of a second certificate.
  ///
  /// Only the first one is valid for 127.0.0.1.
  private static let nameOnly = "DNS:other.example,DNS:localhost"

  private func untilReplaced(_ node: Node, _ certificates: Certificates) async throws {
    _ = try await eventually("new connections to get the other certificate") {
      await isAccepted(node.url("https", "127.0.0.1"), certificates) ? nil : true
    }
  }

  /// Whether a new client accepts the server's certificate.
  private func isAccepted(_ url: String, _ certificates: Certificates) async -> Bool {
    do {
      try await withTLSClient(certificates.trusting) { client in
        _ = try await send(.GET, url + "/health/live", via: client)
      }
      return true
    } catch {
      return false
    }
  }

  /// How many lines of the log are errors.
  private static func errors(of node: Node) throws -> Int {
    try node.process.log.split(separator: "\n").count {
      $0.split(separator: " ").dropFirst().first == "error"
    }
  }

  @Test("An unusable file ends the start with one line that names its setting, and exit code 78")
  func badFile() async throws {
    try await Certificates.with { certificates in
      try await certificates.issue("server")
      try await certificates.run(
        "touch empty; openssl pkcs8 -topk8 -in server.key -passout pass:secret -out locked.key")
      for (setting, certificate, key) in [
        ("KEYMETER_TLS_CERT", "none.pem", "server.key"), ("KEYMETER_TLS_KEY", "server.pem", "none.key"),
        ("KEYMETER_TLS_CERT", "empty", "server.key"), ("KEYMETER_TLS_CERT", "server.key", "server.key"),
        ("KEYMETER_TLS_KEY", "server.pem", "server.pem"), ("KEYMETER_TLS_KEY", "server.pem", "root.key"),
        ("KEYMETER_TLS_KEY", "server.pem", "locked.key"), ("KEYMETER_TLS_KEY", "server.pem", ""),
        ("KEYMETER_TLS_CERT", "", "server.key"),
      ] {
        var environment = ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers]
        if !certificate.isEmpty { environment["KEYMETER_TLS_CERT"] = certificates.path(certificate) }
        if !key.isEmpty { environment["KEYMETER_TLS_KEY"] = certificates.path(key) }
        try await rejectedStart(environment, "keymeter: \(setting) ")
      }
    }
  }

  private func withNode(
    _ environment: [String: String] = [:], _ body: (Node, Account, Certificates) async throws -> Void
  ) async throws {
    try await Certificates.with { certificates in
      try await certificates.issue("server")
      let settings = certificates.settings("server").merging(environment) { $1 }
      try await Node.with(environment: settings) { node, database in
        try await body(node, try await Node.organisation("clinic", on: database), certificates)
      }
    }
  }
}
