import HTTPTypes
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Logging
import Testing

@testable import KeymeterHandlers

@Suite("Runtime 500: unexpected failures")
struct Runtime500Tests {
  @Test("An unexpected failure is a bare problem", arguments: RuntimeOperation.allCases)
  func unexpected(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let secret = service.home.root.secret.revealed
    service.store.fail(with: Scrubs500Tests.UnexpectedFailure(text: secret))
    let answer = try await service.ask(operation.call(by: service.home.root))
    try expectProblem(answer, 500, code: "internal_error")
    let whole = answer.text + answer.headers.map { "\($0)" }.joined()
    for part in [secret, "hunter2", "postgresql", "UnexpectedFailure", "prod"] {
      #expect(!whole.contains(part), "\(part)")
    }
    #expect(answer.headers[.reasonHeader] == nil && answer.headers[.keyIDHeader] == nil)
  }

  @Test("The response is the same for every failure", arguments: RuntimeOperation.allCases)
  func same(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let errors: [any Error] = [
      Scrubs500Tests.UnexpectedFailure(text: "x"), CancellationError(), StoreError.providerTaken,
      StoreError.linkageTaken,
    ]
    var texts: Set<String> = []
    for error in errors {
      service.store.fail(with: error)
      let call = operation.call(by: service.home.root).with(.requestIDHeader, "same")
      let answer = try await service.ask(call)
      #expect(answer.status == 500)
      texts.insert(answer.text)
    }
    #expect(texts.count == 1)
  }

  @Test(
    "A failure does not persist, and the failed call has counted nothing",
    arguments: RuntimeOperation.allCases)
  func passes(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let before = try await service.store.meter()
    service.store.fail(with: Scrubs500Tests.UnexpectedFailure(text: "x"))
    #expect(try await service.ask(operation.call(by: service.home.root)).status == 500)
    service.store.fail(with: nil)
    #expect(try await service.store.meter().differences(from: before) == [])
    #expect(try await service.ask(operation.call(by: service.home.root)).status == operation.status)
  }

  @Test("A logged verification failure has the same request id as the response")
  func logged() async throws {
    let service = try await Service()
    let log = LoggedIDs()
    let call = Call.verify(by: service.home.root).with(.requestIDHeader, "gateway-7")
    for error in [Scrubs500Tests.UnexpectedFailure(text: "x"), StoreError.unavailable(reason: "x")]
      as [any Error]
    {
      service.store.fail(with: error)
      let answer = try await service.application(logger: log.logger).test(.router) { client in
        try await client.answer(to: call)
      }
      #expect(try answer.text("request_id") == "gateway-7")
    }
    #expect(log.ids == ["gateway-7", "gateway-7"])
  }
}
