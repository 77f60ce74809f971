import AsyncHTTPClient
import FoundationEssentials
import KeymeterTesting
import NIOCore
import NIOSSL
import Subprocess

/// A test's own certificate authority, with an intermediate one, and the certificates it issues for this machine.
struct Certificates: Sendable {
  /// Holds `root.pem`, and `NAME.pem` (a chain) with `NAME.key` for each issued certificate.
  let directory: String

  /// Runs `body` with a new authority and then removes its files.
  static func with(_ body: (Certificates) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/keymeter-tls-\(UUID())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let certificates = Certificates(directory: directory)
    do {
      try await certificates.run(makeAuthorities)
      try await body(certificates)
    } catch {
      try? FileManager.default.removeItem(atPath: directory)
      throw error
    }
    try FileManager.default.removeItem(atPath: directory)
  }

  /// Issues a certificate, signed by the intermediate authority.
  ///
  /// - Parameter names: its subject alternative names in OpenSSL's format: `IP:127.0.0.1`, `DNS:localhost`.
  func issue(_ name: String, for names: String = "DNS:localhost,IP:127.0.0.1") async throws {
    try await run(
      """
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=\(name)" \
        -keyout \(name).key -out leaf.csr
      echo "subjectAltName=\(names)" > leaf.ext
      openssl x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -CAcreateserial -days 2 \
        -extfile leaf.ext -out leaf.pem
      cat leaf.pem middle.pem > \(name).pem
      """)
  }

  private static let makeAuthorities = """
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
      -subj "/CN=Keymeter test root" -keyout root.key -out root.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Keymeter test middle" \
      -keyout middle.key -out middle.csr
    printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign\\n' > middle.ext
    openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 \
      -extfile middle.ext -out middle.pem
    """

  func path(_ file: String) -> String { directory + "/" + file }

  /// Replaces an issued certificate and its key by another pair, each file atomically.
  func replace(_ name: String, by other: String) async throws {
    try await run(
      """
      for end in pem key; do cp \(other).$end new && mv new \(name).$end; done
      """)
  }

  /// Runs shell commands in the directory.
  func run(_ script: String) async throws {
    let result = try await Subprocess.run(
      .name("bash"), arguments: ["-euc", "cd \(directory)\n\(script)"], output: .discarded,
      error: .string(limit: 65_536))
    guard result.terminationStatus.isSuccess else {
      throw TestFailure("openssl failed: \(result.standardError)")
    }
  }

  /// The settings of a server that presents this certificate.
  func settings(_ name: String) -> [String: String] {
    ["KEYMETER_TLS_CERT": path("\(name).pem"), "KEYMETER_TLS_KEY": path("\(name).key")]
  }

  /// Client settings that trust only this authority.
  var trusting: TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(path("root.pem"))
    return configuration
  }
}

/// Runs `body` with a client that has these TLS settings.
func withTLSClient(
  _ configuration: TLSConfiguration, _ body: (HTTPClient) async throws -> Void
) async throws {
  var settings = HTTPClient.Configuration(tlsConfiguration: configuration)
  settings.timeout.connect = .seconds(60)
  settings.connectionPool.idleTimeout = .minutes(10)
  let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
  do {
    try await body(client)
  } catch {
    try? await client.shutdown()
    throw error
  }
  try await client.shutdown()
}
