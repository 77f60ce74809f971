import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 503: the store can't be reached")
struct Scrubs503Tests {
  @Test(
    "an unavailable store is told with Retry-After, and without its reason",
    arguments: ScrubsOperation.allCases)
  func unavailable(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    service.store.fail(with: StoreError.unavailable(reason: "10.0.0.7 refused user keymeter_app"))
    let answer = try await service.send(operation.call(by: service.home.credentials, on: child.key.id))
    try expectProblem(answer, 503, "Service is temporarily unavailable.", code: "unavailable")
    let wait = try #require(answer.headers[.retryAfterHeader].flatMap { Int($0) })
    #expect(wait > 0)
    #expect(answer.headers[values: .retryAfterHeader].count == 1)
    for part in ["10.0.0.7", "keymeter_app", "refused"] { #expect(!answer.text.contains(part)) }
  }

  @Test("even a senseless call is 503 then: nobody knows yet who asks", arguments: ScrubsOperation.allCases)
  func senseless(operation: ScrubsOperation) async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await service.send(operation.senselessCall(by: service.home.credentials)).status == 503)
  }

  @Test("what needs no store is still answered as ever")
  func withoutStore() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    #expect(try await service.send(Call(.get)).status == 401)
    #expect(try await service.send(Call(.patch)).status == 405)
    #expect(try await service.send(Call(.get, "/nope")).status == 404)
    #expect(try await service.send(Call(.get, "/health/live")).status == 200)
  }
}
