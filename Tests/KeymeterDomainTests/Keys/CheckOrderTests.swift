import KeymeterDomain
import KeymeterTesting
import Testing

/// Contract §3: provider unknown, key not authentic, not root, body wrong, then what the body is about.
@Suite struct CheckOrderTests {
  @Test(arguments: CallerKind.allCases, Operation.allCases)
  func `what is wrong with the caller is said before what is wrong with the body`(
    kind: CallerKind, operation: Operation
  ) async throws {
    let scene = try await Scene()
    let caller = try await kind.credentials(in: scene)
    let logged = scene.store.auditLog.count
    let expected = kind.refusal(of: operation) ?? operation.answerToBrokenBody
    await expect(expected) { try await operation.run(.failure(BrokenBody()), by: caller, on: scene.keys) }
    #expect(scene.store.auditLog.count == logged)
  }

  @Test(arguments: CallerKind.allCases, Operation.withTarget)
  func `what is wrong with the caller is said before that there is no such key`(
    kind: CallerKind, operation: Operation
  ) async throws {
    let scene = try await Scene()
    let caller = try await kind.credentials(in: scene)
    let unknown = KeyID(rawValue: "key_unknown")
    await expect(kind.refusal(of: operation) ?? Rejection.keyNotFound) {
      try await operation.run(.success(unknown), by: caller, on: scene.keys)
    }
  }

  @Test(arguments: CallerKind.allCases, Operation.allCases)
  func `what makes sense is done for whoever may ask it, and for nobody else`(
    kind: CallerKind, operation: Operation
  ) async throws {
    let scene = try await Scene()
    let target = try await scene.child(named: "Target").key.id
    let caller = try await kind.credentials(in: scene)
    let before = try await scene.allKeys().map(\.id)
    let refusal = kind.refusal(of: operation)
    await expect(refusal) { try await operation.run(.success(target), by: caller, on: scene.keys) }
    if refusal != nil { #expect(try await scene.allKeys().map(\.id) == before) }
  }

  @Test func `a senseless question is answered as such to any authentic caller, and to nobody else`()
    async throws
  {
    for kind in CallerKind.allCases {
      let scene = try await Scene()
      let caller = try await kind.credentials(in: scene)
      let expected = kind.refusal(of: .ownKey) ?? BrokenBody()
      await expect(expected) {
        try await scene.keys.refuse(BrokenBody(), to: caller, requestID: .test)
      }
    }
  }

  private func expect(_ expected: (any Error)?, from body: () async throws -> Void) async {
    var thrown: (any Error)?
    do { try await body() } catch { thrown = error }
    #expect(thrown.map { "\($0)" } == expected.map { "\($0)" })
  }
}
