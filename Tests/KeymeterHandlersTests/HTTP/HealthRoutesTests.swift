import HTTPTypes
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Health")
struct HealthRoutesTests {
  @Test("/health/live answers 200 whether the node is ready or not, without credentials")
  func live() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    for readiness in [Readiness.ready, .notReady(reason: "starting")] {
      let answer = try await get("/health/live", of: service, readiness: readiness)
      #expect(answer.status == 200)
      #expect(answer.text == #"{"status":"live"}"#)
      #expect(answer.headers[.contentType] == "application/json")
      #expect(answer.headers[.cacheControl] == "no-store")
      #expect(answer.headers[.requestIDHeader] != nil)
    }
  }

  @Test("/health/ready answers 200 if the node is ready")
  func ready() async throws {
    let answer = try await get("/health/ready", of: try await Service(), readiness: .ready)
    #expect(answer.status == 200)
    #expect(answer.text == #"{"status":"ready"}"#)
    #expect(answer.headers[.cacheControl] == "no-store")
    #expect(answer.headers[.retryAfterHeader] == nil)
  }

  @Test("/health/ready answers 503 with the escaped reason if it is not")
  func notReady() async throws {
    let answer = try await get(
      "/health/ready", of: try await Service(), readiness: .notReady(reason: "schema \"2\" of 3"))
    #expect(answer.status == 503)
    #expect(answer.text == #"{"status":"not_ready","reason":"schema \"2\" of 3"}"#)
    #expect(answer.headers[.contentType] == "application/json")
    #expect(answer.headers[.cacheControl] == "no-store")
    #expect(answer.headers[.retryAfterHeader] == "1")
  }

  @Test("Readiness is checked for each request to /health/ready, and for no other")
  func asked() async throws {
    let service = try await Service()
    let counter = Counter()
    let application = service.application(readiness: { counter.next() > 1 ? .ready : .notReady(reason: "x") })
    let statuses = try await application.test(.router) { client in
      var statuses: [Int] = []
      for path in ["/health/live", "/api/v1/api-key", "/health/ready", "/health/ready"] {
        statuses.append(try await client.answer(to: Call(.get, path)).status)
      }
      return statuses
    }
    #expect(statuses == [200, 401, 503, 200])
  }

  private func get(_ path: String, of service: Service, readiness: Readiness) async throws -> Answer {
    try await service.application(readiness: { readiness }).test(.router) { client in
      try await client.answer(to: Call(.get, path))
    }
  }
}
