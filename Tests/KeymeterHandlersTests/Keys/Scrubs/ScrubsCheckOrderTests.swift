import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs: the order of checks")
struct ScrubsCheckOrderTests {
  /// The faults of a call in the order in which they are checked.
  ///
  /// Each test call also has all later faults.
  enum Fault: CaseIterable {
    case keyHeaderMissing, providerHeaderMissing, providerUnknown, keyNotAuthentic, notRoot, invalid
  }

  @Test(
    "The first fault is reported, even if others follow", arguments: Fault.allCases, ScrubsOperation.ofRoot)
  func firstFault(fault: Fault, operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = service.home.credentials(try await service.child().secret)
    let foreign = Credentials(
      secret: service.neighbour.root.secret, provider: service.home.organisation.providerID)
    // A child key with `list_all=1` does not ask for anything that requires a root key.
    let childCall =
      operation == .list
      ? operation.call(by: child, on: service.home.root.key.id)
      : operation.invalidCall(by: child)
    let unknown = operation.invalidCall(by: foreign).with(.providerHeader, "unknown")
    switch fault {
    case .keyHeaderMissing:
      try await expect(service, unknown.with(.keyHeader, nil), 401, "API key authentication failed.")
    case .providerHeaderMissing:
      let call = operation.invalidCall(by: foreign).with(.providerHeader, nil)
      try await expect(service, call, 401, "API key authentication failed.")
    case .providerUnknown:
      try await expect(service, unknown, 400, "Provider ID is invalid.")
    case .keyNotAuthentic:
      let call = operation.invalidCall(by: foreign)
      try await expect(service, call, 401, "API key authentication failed.")
    case .notRoot:
      try await expect(service, childCall, 403, operation.titleOfMissingRoot)
    case .invalid:
      let call = operation.invalidCall(by: service.home.credentials)
      try await expect(service, call, 400, operation.titleOfInvalidCall)
    }
  }

  @Test(
    "An error in the body's type or length is reported to root keys only", arguments: ScrubsOperation.withBody
  )
  func bodyForm(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = service.home.credentials(try await service.child().secret)
    let bodies: [(status: Int, change: @Sendable (Call) -> Call)] = [
      (415, { $0.with(.contentType, "text/plain") }),
      (413, { $0.sending(Array(repeating: 0x20, count: JSONBody.largest + 1)) }),
    ]
    for (status, change) in bodies {
      let call = change(operation.invalidCall(by: child))
      try await expect(service, call.with(.keyHeader, nil), 401, "API key authentication failed.")
      try await expect(service, call.with(.providerHeader, "unknown"), 400, "Provider ID is invalid.")
      try await expect(service, call, 403, "Root API key is required.")
      let asRoot = change(operation.invalidCall(by: service.home.credentials))
      #expect(try await service.send(asRoot).status == status)
    }
  }

  @Test("An invalid body is reported before an unknown or forbidden target")
  func bodyBeforeTarget() async throws {
    let service = try await Service()
    for id in ["key_unknown", try await service.secondRoot().key.id.rawValue] {
      let answer = try await service.asRoot(.put, json: #"{"id":"\#(id)","usage_limit":-1}"#)
      try expectProblem(
        answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: ["usage_limit"])
    }
    _ = try await service.child(linkage: "taken")
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"","linkage_id":"taken"}"#)
    try expectProblem(
      answer, 400, code: "body_invalid", title: "Request body is invalid.", fields: ["friendly_name"])
  }

  @Test("A child key with an invalid GET gets 400, because GET requires no root key")
  func invalidRead() async throws {
    let service = try await Service()
    let child = service.home.credentials(try await service.child().secret)
    try await expect(service, ScrubsOperation.read.invalidCall(by: child), 400, "Query is invalid.")
  }

  @Test(
    "A malformed key gets 401 even with an unknown provider, without a store access (contract §2)")
  func malformedKey() async throws {
    let service = try await Service()
    service.store.fail(with: StoreError.unavailable(reason: "must not be asked"))
    for operation in ScrubsOperation.allCases {
      let call = operation.invalidCall(by: service.home.credentials)
        .with(.keyHeader, "sk_live_wrong").with(.providerHeader, "unknown")
      try await expect(service, call, 401, "API key authentication failed.")
    }
  }

  private func expect(_ service: Service, _ call: Call, _ status: Int, _ title: String) async throws {
    let answer = try await service.send(call)
    #expect(answer.status == status)
    #expect(try answer.text("title") == title)
  }
}
