import FoundationEssentials
import KeymeterTesting
import NIOHTTP1
import SystemPackage
import Testing

/// A gateway in front of an upstream, with the configuration in `deploy/`.
///
/// Only the addresses differ.
struct Gateway: Sendable {
  enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case nginx, caddy, envoy

    var testDescription: String { rawValue }
  }

  let process: ServerProcess
  let port: Int

  var url: String { "http://127.0.0.1:\(port)" }

  /// Runs `body` with a gateway between clients and an upstream.
  ///
  /// It asks the verifier about each request.
  static func with(
    _ kind: Kind, verifier: Int, upstream: Int, _ body: (Gateway) async throws -> Void
  ) async throws {
    let directory = FileManager.default.temporaryDirectory.path + "/keymeter-gateway-\(UUID())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let setup = GatewaySetup(kind: kind, directory: directory, verifier: verifier, upstream: upstream)
    let gateway = try await start(setup)
    do {
      try await body(gateway)
    } catch {
      await gateway.process.discard()
      throw error
    }
    await gateway.process.discard()
  }

  /// Starts it on a free port.
  ///
  /// Another process may take the port first, so it tries three times.
  private static func start(_ setup: GatewaySetup) async throws -> Gateway {
    var log = ""
    for _ in 0..<3 {
      let port = try await RawConnection.freePort()
      let gateway = Gateway(process: try await setup.start(on: port), port: port)
      let serves = try? await gateway.isServing()
      if serves == true { return gateway }
      log = (try? gateway.process.log) ?? ""
      await gateway.process.discard()
      // Another port does not help a gateway that runs but answers differently.
      if serves == nil { break }
    }
    throw TestFailure("\(setup.kind) does not serve:\n\(log)")
  }

  /// Waits until it rejects a request without a key, or has exited.
  private func isServing() async throws -> Bool {
    try await eventually("the gateway to serve") {
      guard process.isRunning else { return false }
      let reply = try? await send(.GET, url)
      return reply?.status == 401 && process.isRunning ? true : nil
    }
  }

  /// Sends a request through the gateway, with the key in `X-API-Key`.
  func request(
    _ account: Account?, _ method: HTTPMethod = .GET, _ path: String = "/orders",
    headers: [(String, String)] = [], body: String? = nil, from address: String? = nil
  ) async throws -> Reply {
    try await send(
      method, url + path, headers: (account?.bareHeaders ?? []) + headers, body: body, from: address)
  }
}
