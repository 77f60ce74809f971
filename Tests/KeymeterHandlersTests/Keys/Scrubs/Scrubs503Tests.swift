import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 503: the store is unavailable")
struct Scrubs503Tests {
  @Test(
    "503 has Retry-After and hides the reason",
    arguments: ScrubsOperation.allCases)
  func unavailable(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    service.store.fail(with: StoreError.unavailable(reason: "10.0.0.7 refused user keymeter_app"))
    let answer = try await service.send(operation.call(by: service.home.credentials, on: child.key.id))
    try expectProblem(answer, 503, code: "unavailable")
    let wait = try #require(answer.headers[.retryAfterHeader].flatMap { Int($0) })
    #expect(wait > 0)
    #expect(answer.headers[values: .retryAfterHeader].count == 1)
    for part in ["10.0.0.7", "keymeter_app", "refused"] { #expect(!answer.text.contains(part)) }
  }

  @Test(
    "An invalid call gets 503 too, while the caller can't be authenticated",
    arguments: ScrubsOperation.allCases)
  func invalid(operation: ScrubsOperation) async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await service.send(operation.invalidCall(by: service.home.credentials)).status == 503)
  }

  @Test("Calls that need no store are answered as usual")
  func withoutStore() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await service.send(Call(.get)).status == 401)
    #expect(try await service.send(Call(.patch)).status == 405)
    #expect(try await service.send(Call(.get, "/nope")).status == 404)
    #expect(try await service.send(Call(.get, "/health/live")).status == 200)
  }
}
