import KeymeterDomain
import KeymeterTesting
import Testing

/// Whoever appends a line holds the organisation's log until the end, and so must wait for nothing else after it.
@Suite struct AuditOrderTests {
  @Test(arguments: Operation.changes)
  func `a change appends its line when everything else is done`(operation: Operation) async throws {
    let scene = try await Scene()
    let recorder = Recorder()
    let keys = try scene.keys(over: ObservedStore(store: scene.store) { recorder.note($0) })
    let target = try await scene.child(named: "Target").key.id
    if operation == .update {
      let update = KeyUpdate(id: target, requests: .set(5))
      _ = try await keys.update(.success(update), by: scene.home.credentials, requestID: .test)
    } else {
      try await operation.run(.success(target), by: scene.home.credentials, on: keys)
    }
    #expect(recorder.all.last == .append)
    #expect(recorder.all.count { $0 == .append } == 1)
  }

  @Test func `a named change keeps its answer after its line, which waits for nobody`() async throws {
    let scene = try await Scene()
    let target = try await scene.child(named: "Target").key.id
    for rotates in [false, true] {
      let recorder = Recorder()
      let keys = try scene.keys(over: ObservedStore(store: scene.store) { recorder.note($0) })
      let request = IdempotentRequest(
        name: try IdempotencyKey(validating: "\(rotates)"),
        fingerprint: RequestFingerprint(method: "POST", path: "/", body: []), secret: scene.home.root.secret)
      if rotates {
        _ = try await keys.rotate(
          .success(KeyRotation(id: target)), by: scene.home.credentials, requestID: .test,
          repeatable: request
        ) { _ in StoredResponse(status: 200, fields: [], body: []) }
      } else {
        let draft = KeyDraft(friendlyName: try .test("Till"))
        _ = try await keys.create(
          .success(draft), by: scene.home.credentials, requestID: .test, repeatable: request
        ) { _ in StoredResponse(status: 201, fields: [], body: []) }
      }
      #expect(recorder.all.suffix(2) == [.append, .keep])
    }
  }

  @Test func `the repetition of a rotation waits for nobody`() async throws {
    let scene = try await Scene()
    let target = try await scene.child(named: "Target").key.id
    let recorder = Recorder()
    let keys = try scene.keys(over: ObservedStore(store: scene.store) { recorder.note($0) })
    let request = IdempotentRequest(
      name: try IdempotencyKey(validating: "r"),
      fingerprint: RequestFingerprint(method: "POST", path: "/", body: []), secret: scene.home.root.secret)
    for expected in [false, true] {
      let answer = try await keys.rotate(
        .success(KeyRotation(id: target)), by: scene.home.credentials, requestID: .test,
        repeatable: request
      ) { _ in StoredResponse(status: 200, fields: [], body: []) }
      #expect(answer.replayed == expected)
    }
    #expect(recorder.all.count { $0 == .holdChanges } == 1)
    #expect(recorder.all.suffix(2) == [.claim, .touch])
  }
}
