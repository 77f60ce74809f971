import HTTPTypes
import Hummingbird
import KeymeterDomain
import KeymeterTesting
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import KeymeterHandlers

@Suite("Backpressure of a listing")
struct ListingPaceTests {
  /// Takes the first part of a body at once, and runs an action before it takes the next.
  private final class Reader: ResponseBodyWriter {
    private let text = Mutex("")
    private let pieces = Mutex(0)
    private let beforeNext: @Sendable () async throws -> Void

    init(beforeNext: @escaping @Sendable () async throws -> Void) { self.beforeNext = beforeNext }

    var taken: String { text.withLock { $0 } }

    func write(_ buffer: ByteBuffer) async throws {
      let count = pieces.withLock { count in
        count += 1
        return count
      }
      if count == 2 { try await beforeNext() }
      text.withLock { $0 += String(buffer: buffer) }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
  }

  @Test("A page is read only after the client has taken the one before")
  func onePageAhead() async throws {
    let service = try await Service()
    try await service.store.fill(service.home.organisation.id, upTo: 3 * KeyService.longestPage)
    let listing = AllKeys(keys: service.keys, call: .test(service.home.credentials))
    let response = try await listing.respond(Self.context())
    let root = try #require(try await service.keysOfHome().first { $0.root })
    let reader = Reader { try await service.store.revoke(root.id) }
    await #expect(throws: Rejection.self) { try await response.body.write(reader) }
    #expect(reader.taken.ranges(of: "\"friendly_name\":").count == KeyService.longestPage)
    #expect(reader.taken.hasSuffix("}"))
  }

  private static func context() -> KeymeterRequestContext {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return KeymeterRequestContext(
      source: ApplicationRequestContextSource(channel: EmbeddedChannel(), logger: logger))
  }
}
