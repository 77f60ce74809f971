import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KeyUpdateTests {
  private static let limits = MonthlyLimits(requests: 1, tokens: 2, speechSeconds: 3)

  @Test(arguments: [
    (
      LimitChange.unchanged, LimitChange.unchanged, LimitChange.set(9),
      MonthlyLimits(requests: 1, tokens: 2, speechSeconds: 9)
    ),
    (.set(0), .unchanged, .unchanged, MonthlyLimits(requests: 0, tokens: 2, speechSeconds: 3)),
    (.unchanged, .cleared, .unchanged, MonthlyLimits(requests: 1, tokens: nil, speechSeconds: 3)),
    (.cleared, .cleared, .cleared, .unrestricted),
    (
      .set(MonthlyLimits.largest), .set(7), .cleared,
      MonthlyLimits(requests: MonthlyLimits.largest, tokens: 7)
    ),
    (.unchanged, .unchanged, .unchanged, MonthlyLimits(requests: 1, tokens: 2, speechSeconds: 3)),
  ])
  func `each cap is left, cleared or set by itself`(
    requests: LimitChange, tokens: LimitChange, speechSeconds: LimitChange, expected: MonthlyLimits
  ) async throws {
    let scene = try await Scene()
    let child = try await scene.child(limits: Self.limits)
    let updated = try await scene.update(
      child.key.id, requests: requests, tokens: tokens, speechSeconds: speechSeconds)
    #expect(updated.limits == expected)
    #expect(updated.friendlyName == child.key.friendlyName)
    #expect(try await scene.allKeys().first { $0.id == child.key.id } == updated)
  }

  @Test func `a new name leaves all else as it was`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(limits: Self.limits, linkage: "shop 7", expiresIn: 60)
    let updated = try await scene.update(child.key.id, to: "Desk")
    var expected = child.key
    expected.friendlyName = try .test("Desk")
    #expect(updated == expected)
  }

  @Test func `a root key may change its own record`() async throws {
    let scene = try await Scene()
    let updated = try await scene.update(scene.home.root.key.id, to: "Main", requests: .set(5))
    #expect(updated.root)
    #expect(updated.friendlyName.rawValue == "Main")
    #expect(updated.limits == MonthlyLimits(requests: 5))
    #expect(try await scene.keys.ownKey(scene.home.credentials, requestID: .test) == updated)
  }

  @Test func `another root key is not its to change`() async throws {
    let scene = try await Scene()
    let other = try await scene.secondRoot()
    let logged = scene.store.auditLog.count
    await #expect(throws: Rejection.otherRootKey) { try await scene.update(other.key.id, to: "Mine") }
    await #expect(throws: Rejection.otherRootKey) { try await scene.update(other.key.id) }
    #expect(try await scene.allKeys().first { $0.id == other.key.id } == other.key)
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `another tenant's key is not found, be it child or root`() async throws {
    let scene = try await Scene()
    let theirs = try await scene.child(of: scene.neighbour)
    let before = try await scene.allKeys(of: scene.neighbour)
    for id in [theirs.key.id, scene.neighbour.root.key.id] {
      await #expect(throws: Rejection.keyNotFound) { try await scene.update(id, to: "Mine") }
    }
    #expect(try await scene.allKeys(of: scene.neighbour) == before)
  }

  @Test(arguments: ["", "key_", "key_unknown", "\0"])
  func `an id that no key has is not found`(id: String) async throws {
    let scene = try await Scene()
    await #expect(throws: Rejection.keyNotFound) { try await scene.update(KeyID(rawValue: id), to: "Mine") }
  }

  @Test func `an update that changes nothing writes nothing, neither key nor log`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(limits: Self.limits)
    let calls = Recorder()
    let keys = try scene.keys(over: ObservedStore(store: scene.store) { calls.note($0) })
    let logged = scene.store.auditLog.count
    let updates = [
      KeyUpdate(id: child.key.id), KeyUpdate(id: child.key.id, friendlyName: child.key.friendlyName),
      KeyUpdate(id: child.key.id, requests: .set(1), tokens: .set(2), speechSeconds: .set(3)),
    ]
    for update in updates {
      let updated = try await keys.update(.success(update), by: scene.home.credentials, requestID: .test)
      #expect(updated == child.key)
    }
    #expect(scene.store.auditLog.count == logged)
    #expect(!calls.all.contains(.update))
    #expect(!calls.all.contains(.append))
  }

  @Test func `an expired key may still be changed`() async throws {
    let scene = try await Scene()
    let child = try await scene.child(expiresIn: 1)
    scene.clock.advance(seconds: 1)
    let updated = try await scene.update(child.key.id, to: "Old till")
    #expect(updated.friendlyName.rawValue == "Old till")
    #expect(updated.status == .expired)
  }
}
