import FoundationEssentials
import KeymeterTesting
import NIOHTTP1
import SystemPackage
import Testing

/// Runs HAProxy with `deploy/haproxy.cfg` in front of a real server.
@Suite("The load balancer", .timeLimit(.minutes(10)))
struct BalancerTests {
  private static let project = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .removingLastComponent().removingLastComponent()

  @Test("HAProxy forwards everything except the metrics, in any spelling of their path")
  func metrics() async throws {
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await send(.GET, node.baseURL + "/metrics").status == 200)
      try await Self.with(node) { url in
        #expect(try await send(.GET, url + "/api/v1/verify", headers: root.bareHeaders).status == 200)
        for path in ["/metrics", "//metrics", "/metrics/", "///metrics//", "/metrics?x=1", "/%6detrics"] {
          let reply = try await send(.GET, url + path)
          #expect(reply.status == 404 && !reply.body.contains("keymeter_"), "\(path)")
        }
        // HAProxy sees no path in this target. A node could.
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        let answer = try await RawConnection.exchange(
          "GET *://h/metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", port: port)
        #expect(answer.hasPrefix("HTTP/1.1 404") && !answer.contains("keymeter_"))
      }
    }
  }

  /// Runs `body` with HAProxy in front of a node.
  private static func with(_ node: Node, _ body: (String) async throws -> Void) async throws {
    let port = try await RawConnection.freePort()
    let path = project.appending("deploy/haproxy.cfg").string
    var text = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
    for (found, address) in [
      ("bind :8080", "bind 127.0.0.1:\(port)"), ("127.0.0.1:8081", "127.0.0.1:\(node.port)"),
      ("127.0.0.1:8082", "127.0.0.1:\(node.port)"),
    ] {
      #expect(text.contains(found))
      text = text.replacing(found, with: address)
    }
    let file = FileManager.default.temporaryDirectory.path + "/keymeter-balancer-\(UUID()).cfg"
    #expect(FileManager.default.createFile(atPath: file, contents: Data(text.utf8)))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let places = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/opt/homebrew/bin"].map { "\($0)/haproxy" }
    guard let program = places.first(where: FileManager.default.isExecutableFile) else {
      throw TestFailure("haproxy is missing: scripts/setup test installs it")
    }
    let process = try await ServerProcess.start(
      ["-db", "-f", file], environment: [:], program: FilePath(program))
    do {
      let url = "http://127.0.0.1:\(port)"
      _ = try await eventually("HAProxy to serve") {
        (try? await send(.GET, url + "/health/live").status) == 200 ? true : nil
      }
      try await body(url)
    } catch {
      await process.discard()
      throw error
    }
    await process.discard()
  }
}
