import Hummingbird
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Logging
import Synchronization
import Testing

@testable import KeymeterHandlers

@Suite("Rehashing used keys")
struct RehashTests {
  private final class Queue: Sendable {
    private let secrets = Mutex<[String]>([])

    func note(_ secret: KeySecret) { secrets.withLock { $0.append(secret.revealed) } }

    /// The keys since the last call.
    func take() -> [String] {
      secrets.withLock { secrets in
        defer { secrets = [] }
        return secrets
      }
    }
  }

  @Test("A key that authenticates is queued by every kind of call, and a rejected one is not")
  func queued() async throws {
    let service = try await Service()
    let queue = Queue()
    let router = KeymeterRouter(
      keys: service.keys, usage: service.usage, rehash: { queue.note($0) }, readiness: { .ready })
    let application = Application(
      responder: router.responder(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let key = try await service.key(MonthlyLimits(requests: 1))
    let (child, root) = (key.secret.revealed, service.home.root.secret.revealed)
    try await application.test(.router) { client in
      for status in [200, 429] {
        let answer = try await client.answer(to: .runtime(.get, "/api/v1/verify", by: key))
        #expect(answer.status == status)
        #expect(queue.take() == [child], "verify, \(status)")
      }
      _ = try await client.answer(to: .runtime(.get, "/api/v1/usage", by: key))
      #expect(queue.take() == [child], "usage")
      _ = try await client.answer(to: .scrubs(.get, by: service.home.credentials))
      #expect(queue.take() == [root], "key management")
      _ = try await service.keys.revoke(key.key.id, by: service.home.credentials)
      for path in ["/api/v1/verify", "/api/v1/usage"] {
        #expect(try await client.answer(to: .runtime(.get, path, by: key)).status == 401)
        #expect(queue.take() == [], "a revoked key")
      }
    }
  }
}
