import AsyncHTTPClient
import FoundationEssentials
import KeymeterTesting
import NIOHTTP1
import NIOSSL
import Subprocess
import Testing

@Suite("TLS", .timeLimit(.minutes(3)))
struct TLSTests {
  @Test("A client that trusts the authority alone gets its answers, by the chain, over TLS 1.2 and 1.3")
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

  @Test("Nothing older than TLS 1.2 is spoken, and who trusts another authority is not deceived")
  func refused() async throws {
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

  @Test("Plain HTTP on the TLS port is neither answered nor left hanging")
  func plain() async throws {
    try await withNode { node, _, _ in
      let connection = try await RawConnection.open(port: node.port)
      try await connection.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let answer = try await connection.untilClosed(within: .seconds(5))
      #expect(!answer.contains("HTTP/1.1"))
    }
  }

  @Test("A handshake that never goes on is cut off")
  func silentHandshake() async throws {
    try await withNode(["KEYMETER_REQUEST_SECONDS": "1"]) { node, _, _ in
      let connection = try await RawConnection.open(port: node.port)
      #expect(try await connection.untilClosed(within: .seconds(10)) == "")
    }
  }

  @Test("Files that change are taken over for new connections, and open ones are kept")
  func reload() async throws {
    try await withNode { node, _, certificates in
      let url = node.url("https", "localhost") + "/health/live"
      try await certificates.issue("other", for: "DNS:other.example,DNS:localhost")
      // The first certificate was for this address, the second isn't: that tells them apart.
      let byAddress = node.url("https", "127.0.0.1") + "/health/live"
      try await withTLSClient(certificates.trusting) { early in
        #expect(try await send(.GET, byAddress, via: early).status == 200)
        try await certificates.replace("server", by: "other")
        _ = try await node.process.wait(for: /(the TLS certificate was reloaded)/)
        #expect(try await send(.GET, byAddress, via: early).status == 200, "the open connection is kept")
      }
      try await withTLSClient(certificates.trusting) { late in
        let served = try await send(.GET, url, via: late)
        #expect(served.status == 200)
        await #expect(throws: (any Error).self) { try await send(.GET, byAddress, via: late) }
      }
    }
  }

  @Test("Files that break leave the former certificate in use, with one error in the log")
  func brokenReload() async throws {
    try await withNode { node, _, certificates in
      let url = node.url("https", "127.0.0.1") + "/health/live"
      try await certificates.issue("other")
      try await certificates.run("cp other.key server.key")
      _ = try await node.process.wait(for: /(the TLS files changed and can't be used[^\n]*KEYMETER_TLS_KEY)/)
      try await withTLSClient(certificates.trusting) { client in
        let served = try await send(.GET, url, via: client)
        #expect(served.status == 200)
      }
      try await certificates.run("rm server.pem")
      _ = try await node.process.wait(for: /can't be used[^\n]*(can't be read)/)
      try await withTLSClient(certificates.trusting) { client in
        let served = try await send(.GET, url, via: client)
        #expect(served.status == 200)
      }
      try await certificates.run("cp other.pem server.pem")
      _ = try await node.process.wait(for: /(the TLS certificate was reloaded)/)
      let faults = try node.process.log.split(separator: "\n").filter { $0.contains("can't be used") }
      #expect(faults.count == 2, "each fault is told once")
    }
  }

  @Test(
    "A file that can't be used ends the start with one line that names its setting, and exit code 78",
    arguments: [
      ("KEYMETER_TLS_CERT", "none.pem", "server.key"), ("KEYMETER_TLS_KEY", "server.pem", "none.key"),
      ("KEYMETER_TLS_CERT", "empty", "server.key"), ("KEYMETER_TLS_CERT", "server.key", "server.key"),
      ("KEYMETER_TLS_KEY", "server.pem", "server.pem"), ("KEYMETER_TLS_KEY", "server.pem", "root.key"),
      ("KEYMETER_TLS_KEY", "server.pem", "locked.key"), ("KEYMETER_TLS_KEY", "server.pem", ""),
      ("KEYMETER_TLS_CERT", "", "server.key"),
    ])
  func badFile(setting: String, certificate: String, key: String) async throws {
    try await Certificates.with { certificates in
      try await certificates.issue("server")
      try await certificates.run(
        "touch empty; openssl pkcs8 -topk8 -in server.key -passout pass:secret -out locked.key")
      let files = ["KEYMETER_TLS_CERT": certificate, "KEYMETER_TLS_KEY": key].filter { !$0.value.isEmpty }
      let process = try await ServerProcess.start(
        ["serve", "--port", "0"],
        environment: ["DATABASE_URL": "postgresql:///x", "KEYMETER_PEPPERS": Node.peppers].merging(
          files.mapValues(certificates.path)
        ) { $1 })
      let status = try await process.ended()
      let log = try process.log
      await process.discard()
      #expect(status == .exited(78), "\(log)")
      #expect(log.hasPrefix("keymeter: \(setting) "), "\(log)")
      #expect(log.split(separator: "\n").count == 1, "\(log)")
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
