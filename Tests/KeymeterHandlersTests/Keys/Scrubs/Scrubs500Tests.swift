import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 500: unexpected failures")
struct Scrubs500Tests {
  /// An error that contains a secret in every description.
  struct UnexpectedFailure: Error, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String
    var description: String { "postgresql://keymeter:hunter2@db/prod \(text)" }
    var debugDescription: String { description }
  }

  @Test(
    "An unexpected failure is a bare problem with the reference's title",
    arguments: ScrubsOperation.allCases)
  func unexpected(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let secret = service.home.root.secret.revealed
    service.store.fail(with: UnexpectedFailure(text: secret))
    let answer = try await service.send(operation.call(by: service.home.credentials, on: child.key.id))
    let creating = operation == .create
    try expectProblem(
      answer, 500,
      code: creating ? "creation_failed" : "internal_error",
      title: creating ? "API key creation failed." : "Unexpected server failure.")
    let whole = answer.text + answer.headers.map { "\($0)" }.joined()
    for part in [secret, "hunter2", "postgresql", "UnexpectedFailure", "prod"] {
      #expect(!whole.contains(part), "\(part)")
    }
  }

  @Test("The response is the same for every failure", arguments: ScrubsOperation.allCases)
  func same(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = try await service.child()
    let errors: [any Error] = [
      UnexpectedFailure(text: "x"), CancellationError(), StoreError.providerTaken, TenantError.one,
      HTTPErrorLookalike(),
    ]
    var texts: Set<String> = []
    for error in errors {
      service.store.fail(with: error)
      let call = operation.call(by: service.home.credentials, on: child.key.id)
      let answer = try await service.send(call.with(.requestIDHeader, "same"))
      #expect(answer.status == 500)
      texts.insert(answer.text)
    }
    #expect(texts.count == 1)
  }

  @Test("A failure does not persist: the next call is served, and the failed one has changed nothing")
  func passes() async throws {
    let service = try await Service()
    service.store.fail(with: UnexpectedFailure(text: "x"))
    #expect(try await service.asRoot(.post, json: #"{"friendly_name":"T"}"#).status == 500)
    service.store.fail(with: nil)
    #expect(try await service.asRoot(.get, query: "?list_all=true").object.names.count == 1)
  }

  private enum TenantError: Error { case one }
  private struct HTTPErrorLookalike: Error { let status = 404 }
}
