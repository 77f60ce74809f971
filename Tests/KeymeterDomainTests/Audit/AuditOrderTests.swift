import KeymeterDomain
import KeymeterTesting
import Testing

/// Appending locks the organisation's log until the end, so a transaction must not wait for another lock afterwards.
@Suite("Audit order")
struct AuditOrderTests {
  @Test("A change appends its audit entry last", arguments: KeyChange.allCases)
  func last(change: KeyChange) async throws {
    let scene = try await Scene()
    let recorder = Recorder()
    let target = try await scene.child(named: "Target").key.id
    scene.store.observe { recorder.note($0) }
    try await change.run(on: target, by: scene.home.credentials, scene.keys)
    #expect(recorder.all.last == .append)
    #expect(recorder.all.count { $0 == .append } == 1)
  }

  @Test("Only the idempotent response is stored after the audit entry, and a retry locks nothing")
  func idempotent() async throws {
    let scene = try await Scene()
    let target = try await scene.child(named: "Target").key.id
    let recorder = Recorder()
    scene.store.observe { recorder.note($0) }
    let request = IdempotentRequest(
      name: try IdempotencyKey(validating: "r"),
      fingerprint: RequestFingerprint(method: "POST", path: "/", body: []), secret: scene.home.root.secret)
    for replayed in [false, true] {
      let answer = try await scene.keys.rotate(
        { (KeyRotation(id: target), request) }, by: .test(scene.home.credentials)
      ) { _ in TestResponse() }
      #expect(answer.replayed == replayed)
      #expect(recorder.all.suffix(2) == (replayed ? [.claim, .markUsed] : [.append, .keep]))
    }
    #expect(recorder.all.count { $0 == .lockKey } == 1)
  }
}
