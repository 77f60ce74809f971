import KeymeterOps
import FoundationEssentials
import KeymeterDomain
import KeymeterTesting
import NIOHTTP1
import Postgres
import SystemPackage
import Testing

@Suite("TLS to PostgreSQL", .timeLimit(.minutes(10)))
struct DatabaseTLSTests {
  @Test("verify-full serves over TLS, and not with a wrong name, a wrong authority or in plain text")
  func verifyFull() async throws {
    try await Certificates.with { certificates in
      try await certificates.issue("server", for: "IP:127.0.0.1")
      try await withCluster { cluster, url in
        let verified = url + "?sslmode=verify-full&sslrootcert=\(certificates.path("root.pem"))"
        try await expectRejection(verified, "server does not support SSL")
        try await enableTLS(on: cluster, certificates)

        try await Node.with(on: verified) { node in
          let root = try await OwnCluster.organisation("clinic", at: verified)
          #expect(try await node.apiKey(.GET, root).status == 200)
          #expect(try await unencrypted(verified).isEmpty, "a TCP connection is not encrypted")
        }
        // The certificate is for 127.0.0.1 alone.
        let otherName = verified.replacing("@127.0.0.1:", with: "@localhost:")
        try await expectRejection(otherName, "does not match host name")
        try await Certificates.with { others in
          let otherAuthority = url + "?sslmode=verify-full&sslrootcert=\(others.path("root.pem"))"
          try await expectRejection(otherAuthority, "certificate verify failed")
        }
      }
    }
  }

  /// The server starts, is not ready and answers 503.
  ///
  /// A command exits with 69 and prints libpq's reason.
  private func expectRejection(_ url: String, _ reason: String) async throws {
    try await Node.with(on: url) { node in
      var random = RandomSource.system
      let key = KeySecret(environment: .production, random: &random).revealed
      let account = Account(provider: "clinic", key: key, keyID: "")
      let reply = try await node.apiKey(.GET, account)
      #expect(reply.status == 503)
      #expect(reply.text("code") == "unavailable")
      #expect(try await send(.GET, node.baseURL + "/health/ready").status == 503)
    }
    let (output, code) = try await ServerProcess.output(
      of: ["org", "list"], environment: ["DATABASE_URL": url, "KEYMETER_PEPPERS": Node.peppers])
    #expect(code == 69 && output.contains(reason), "\(output)")
  }

  private func withCluster(_ body: (PostgresCluster, String) async throws -> Void) async throws {
    try await OwnCluster.with(tcpPort: try await RawConnection.freePort()) { cluster in
      guard let url = cluster.tcpConnectionURL(database: "keymeter") else {
        throw TestFailure("the cluster has no port")
      }
      try await body(cluster, url)
    }
  }

  /// Installs a certificate in the cluster's data directory and enables TLS.
  private func enableTLS(on cluster: PostgresCluster, _ certificates: Certificates) async throws {
    let data = cluster.dataDirectory.string
    try await certificates.run(
      """
      for end in pem key; do install -m 600 server.$end "\(data)/server.${end/pem/crt}"; done
      chown --reference "\(data)" "\(data)/server.crt" "\(data)/server.key"
      """)
    try await ConnectionPool.with(url: cluster.connectionURL(database: "postgres")) { pool in
      try await pool.withConnection { connection in
        try await connection.executeScript("ALTER SYSTEM SET ssl = on")
        try await connection.executeScript("SELECT pg_reload_conf()")
      }
      _ = try await eventually("TLS to be on") {
        let rows = try await pool.withConnection { try await $0.execute(Self.isOn).rows }
        return rows.isEmpty ? nil : true
      }
    }
  }

  private func unencrypted(_ url: String) async throws -> [Row] {
    try await ConnectionPool.with(url: url) { pool in
      try await pool.withConnection { try await $0.execute(Self.inTheClear).rows }
    }
  }

  private static let isOn = Statement(
    "test_tls_is_on", "SELECT 1 AS found FROM pg_catalog.pg_settings WHERE name = 'ssl' AND setting = 'on'")

  private static let inTheClear = Statement(
    "test_in_the_clear",
    """
    SELECT 1 AS found FROM pg_catalog.pg_stat_activity AS a
    JOIN pg_catalog.pg_stat_ssl AS s ON s.pid = a.pid
    WHERE a.client_addr IS NOT NULL AND NOT s.ssl
    """)
}
