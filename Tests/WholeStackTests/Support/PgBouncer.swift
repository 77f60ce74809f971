import KeymeterOps
import Foundation
import KeymeterTesting
import Subprocess
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private PgBouncer in front of a cluster that listens on TCP.
struct PgBouncer: Sendable {
  /// Connects through it as ``login``.
  let url: String

  /// The login of every client, a member of keymeter_app.
  static let login = "keymeter_server"
  /// Its password.
  static let password = "pooled"

  /// Creates the login on a cluster.
  static func prepare(_ cluster: PostgresCluster) async throws {
    try await OwnCluster.run(
      "CREATE ROLE \(login) LOGIN PASSWORD '\(password)' IN ROLE keymeter_app", on: cluster)
  }

  /// Runs `body` with a pooler in one of its modes.
  ///
  /// - Parameter settings: further lines of its configuration.
  static func with(
    _ mode: String, before port: Int, settings: String = "ignore_startup_parameters = options",
    _ body: (PgBouncer) async throws -> Void
  ) async throws {
    let folder = "/tmp/keymeter-pgbouncer-\(UUID())"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let own = try await RawConnection.freePort()
    let configuration = """
      [databases]
      keymeter = host=127.0.0.1 port=\(port) user=\(login) password=\(password)
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(own)
      unix_socket_dir =
      auth_type = any
      pool_mode = \(mode)
      default_pool_size = 5
      \(settings)
      """
    try configuration.write(toFile: folder + "/pgbouncer.ini", atomically: true, encoding: .utf8)
    let running = Task { try await run(folder + "/pgbouncer.ini") }
    let result: Result<Void, any Error>
    do {
      _ = try await eventually("PgBouncer to listen") { () -> Bool? in
        guard let connection = try? await RawConnection.open(port: own) else { return nil }
        await connection.close()
        return true
      }
      try await body(PgBouncer(url: "postgresql://\(login)@127.0.0.1:\(own)/keymeter"))
      result = .success(())
    } catch {
      result = .failure(error)
    }
    running.cancel()
    _ = try? await running.value
    try FileManager.default.removeItem(atPath: folder)
    try result.get()
  }

  /// Runs it until the task is cancelled.
  ///
  /// PgBouncer refuses to run as root, so root starts it as `postgres`.
  private static func run(_ configuration: String) async throws {
    let asServer = geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []
    let command = asServer + ["/usr/sbin/pgbouncer", "--quiet", configuration]
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(5))]
    _ = try await Subprocess.run(
      .name(command[0]), arguments: Arguments(Array(command.dropFirst())), platformOptions: options,
      input: .none, output: .discarded, error: .discarded)
  }
}
