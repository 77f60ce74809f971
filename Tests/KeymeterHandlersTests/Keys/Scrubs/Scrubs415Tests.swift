import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 415: Request body is not JSON")
struct Scrubs415Tests {
  @Test(
    "A body that is not declared as JSON gets 415 unread", arguments: ScrubsOperation.withBody,
    [
      nil, "", ";application/json", "text/plain", "application/problem+json", "application/jsonx",
      "application / json", "text/plain; application/json", "application/json, text/plain", "*/*",
    ])
  func rejected(operation: ScrubsOperation, contentType: String?) async throws {
    let service = try await Service()
    let child = try await service.child()
    let call = operation.call(by: service.home.credentials, on: child.key.id).with(.contentType, contentType)
    let answer = try await service.send(call)
    try expectProblem(answer, 415, code: "unsupported_media_type")
    #expect(try await service.keysOfHome().map(\.limits) == [.unrestricted, .unrestricted])
  }

  @Test("A repeated Content-Type gets 415")
  func repeated() async throws {
    let service = try await Service()
    let call = ScrubsOperation.create.call(by: service.home.credentials, on: service.home.root.key.id)
    #expect(try await service.send(call.adding(.contentType, "application/json")).status == 415)
    #expect(try await service.send(call.adding(.contentType, "text/plain")).status == 415)
  }

  @Test("A missing body gets 415", arguments: ScrubsOperation.withBody)
  func missing(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let answer = try await service.send(.scrubs(operation.method, by: service.home.credentials))
    try expectProblem(answer, 415, code: "unsupported_media_type")
  }

  @Test(
    "Parameters, case and white space in the media type do not matter",
    arguments: ScrubsOperation.withBody,
    [
      "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8",
      "APPLICATION/JSON",
      "Application/Json ; Charset=\"utf-8\"", "application/json;", "application/json\t;x=1;y=2",
    ])
  func accepted(operation: ScrubsOperation, contentType: String) async throws {
    let service = try await Service()
    let child = try await service.child()
    let call = operation.call(by: service.home.credentials, on: child.key.id).with(.contentType, contentType)
    #expect(try await service.send(call).status == (operation == .create ? 201 : 200))
  }

  @Test("GET and DELETE take no body and need no Content-Type")
  func bodyless() async throws {
    let service = try await Service()
    let child = try await service.child()
    for operation in [ScrubsOperation.read, .list, .delete] {
      let call = operation.call(by: service.home.credentials, on: child.key.id)
        .sending(Array("{".utf8), as: "text/plain")
      #expect(try await service.send(call).status == 200)
    }
  }
}
