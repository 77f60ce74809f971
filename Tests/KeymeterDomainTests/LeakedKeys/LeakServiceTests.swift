import Foundation
import KeymeterDomain
import KeymeterTesting
import Synchronization
import Testing

@Suite struct LeakServiceTests {
  @Test("A failure does not stop the revocation of other keys, and a repeated report completes it")
  func failure() async throws {
    let scene = try await Scene()
    let keys = try await Self.children(3, of: scene)
    let calls = Counted()
    scene.store.observe { call in
      if call == .revoke, calls.next() == 2 { throw StoreError.unavailable(reason: "gone") }
    }
    let results = try await Self.service(over: scene.store).end(Self.reports(keys), requestID: .test)
    #expect(results.map(\.isSuccess) == [true, false, true])
    #expect(try await Self.statuses(of: keys, in: scene) == [.revoked, .active, .revoked])
    scene.store.observe(nil)
    let logged = scene.store.auditLog.count
    let again = try await Self.service(over: scene.store).end(Self.reports(keys), requestID: .test)
    #expect(again.allSatisfy { $0.isSuccess })
    #expect(try await Self.statuses(of: keys, in: scene) == [.revoked, .revoked, .revoked])
    #expect(scene.store.auditLog.count == logged + 1)
  }

  @Test("A revocation that can't be logged is undone")
  func atomic() async throws {
    let scene = try await Scene()
    let keys = try await Self.children(1, of: scene)
    scene.store.observe { call in
      if call == .append { throw StoreError.unavailable(reason: "gone") }
    }
    let results = try await Self.service(over: scene.store).end(Self.reports(keys), requestID: .test)
    #expect(results.map(\.isSuccess) == [false])
    #expect(try await Self.statuses(of: keys, in: scene) == [.active])
  }

  @Test("An unavailable store is given up after three keys")
  func unavailable() async throws {
    let scene = try await Scene()
    let keys = try await Self.children(6, of: scene)
    let calls = Counted()
    scene.store.observe { call in
      if call == .organisationForHashes {
        _ = calls.next()
        throw StoreError.unavailable(reason: "gone")
      }
    }
    let results = try await Self.service(over: scene.store).end(Self.reports(keys), requestID: .test)
    #expect(results.map(\.isSuccess) == Array(repeating: false, count: 6))
    #expect(calls.next() == 4)
  }

  @Test("A report that takes too long stops, and a repeated one completes it")
  func timeout() async throws {
    let scene = try await Scene()
    let keys = try await Self.children(5, of: scene)
    // The first reading is the start. After that every key takes eight seconds.
    let slow = SteppingClock(step: .seconds(8))
    let results = try await Self.service(over: scene.store, clock: slow)
      .end(Self.reports(keys), requestID: .test)
    #expect(results.map(\.isSuccess) == [true, true, false, false, false])
    let again = try await Self.service(over: scene.store).end(Self.reports(keys), requestID: .test)
    #expect(again.allSatisfy { $0.isSuccess })
    #expect(try await Self.statuses(of: keys, in: scene).allSatisfy { $0 == .revoked })
  }

  static func service(
    over store: any TenantStore, clock: any Clock<Duration> = ContinuousClock()
  ) throws -> LeakService {
    let key =
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAdAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw=="
    let der = Array(try #require(Data(base64Encoded: key)))
    return LeakService(
      store: store, peppers: try .test, reporter: try ReporterKeys([(identifier: "test", der: der)]),
      clock: clock)
  }

  private static func children(_ count: Int, of scene: Scene) async throws -> [IssuedKey] {
    var keys: [IssuedKey] = []
    for _ in 0..<count { keys.append(try await scene.child()) }
    return keys
  }

  private static func reports(_ keys: [IssuedKey]) -> [LeakReport] {
    keys.map { LeakReport(secret: $0.secret, url: nil, source: nil) }
  }

  private static func statuses(of keys: [IssuedKey], in scene: Scene) async throws -> [KeyStatus?] {
    let all = try await scene.organisations.show(scene.home.organisation.providerID).keys
    return keys.map { key in all.first { $0.id == key.key.id }?.status }
  }
}

extension Result {
  fileprivate var isSuccess: Bool {
    if case .success = self { true } else { false }
  }
}

/// Counts from one.
private final class Counted: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}

/// A clock that advances by one step per reading.
private final class SteppingClock: Clock {
  private let moment = Mutex(ContinuousClock.now)
  private let step: Duration

  init(step: Duration) { self.step = step }

  var now: ContinuousClock.Instant {
    moment.withLock { moment in
      defer { moment = moment.advanced(by: step) }
      return moment
    }
  }

  var minimumResolution: Duration { .zero }

  func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
}
