import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Runtime 503: the store is unavailable or its outcome unknown")
struct Runtime503Tests {
  @Test("503 has Retry-After and hides the reason", arguments: RuntimeOperation.allCases)
  func unavailable(operation: RuntimeOperation) async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "10.0.0.7 refused user keymeter_app"))
    let call = operation.call(by: service.home.root)
    for call in [call, call.asScrubs()] {
      let answer = try await service.ask(call)
      try expectProblem(answer, 503, code: "unavailable")
      let wait = answer.headers[values: .retryAfterHeader].compactMap { Int($0) }
      #expect(wait.count == 1 && wait.allSatisfy { $0 > 0 })
      for part in ["10.0.0.7", "keymeter_app", "refused"] { #expect(!answer.text.contains(part)) }
      #expect(answer.headers[.reasonHeader] == nil, "nothing is known about the key")
    }
  }

  @Test("deny_status does not change 503: a gateway must distinguish an outage from a rejection")
  func denyStatus() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await service.ask(.verify("?deny_status=403", by: service.home.root)).status == 503)
  }

  @Test(
    "An invalid usage request gets 503 while the caller can't be authenticated",
    arguments: RuntimeOperation.routed)
  func invalid(operation: RuntimeOperation) async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await service.ask(operation.invalidCall(by: service.home.root)).status == 503)
  }

  @Test("HEAD gets 503 without a body")
  func head() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    for path in [Call.verifyPath, RuntimeOperation.usage.path] {
      let answer = try await service.ask(.runtime(.head, path, by: service.home.root))
      #expect(answer.status == 503 && answer.bytes.isEmpty)
      #expect(answer.headers[.retryAfterHeader] != nil)
    }
  }
}
